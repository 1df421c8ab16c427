import CCrypt

/// Password hashes as etcd keeps them: bcrypt in the text form `$2a$<cost>$<22 of salt><31 of hash>`.
///
/// libcrypt computes them. It guards its `$2a$` against an old bug of other programs, so that a few
/// passwords with bytes above 127 hash differently than Go's do; its `$2b$` is Go's `$2a$` to the letter.
/// So what is asked of it always says `b`.
///
/// A hash costs 60 ms at cost 10, doubled by each further step: never on an event loop.
package enum Bcrypt {
    /// What hashing refuses; such a password is no user's (Go's library refuses the long ones alike).
    package enum Refusal: Error { case tooLong, containsZero }

    package static let costs = 4...31
    package static let saltSize = 16
    /// More would be cut off silently.
    package static let passwordSizeMax = 72
    private static let hashLength = 60
    private static let prefixLength = 4

    /// `salt`: 16 bytes, from chance unless the hash must be the same on every member.
    package static func hash(
        _ password: [UInt8], cost: Int, salt: [UInt8]
    ) throws(Refusal) -> [UInt8] {
        precondition(costs.contains(cost))
        precondition(salt.count == saltSize)
        if password.count > passwordSizeMax { throw .tooLong }
        if password.contains(0) { throw .containsZero }
        let digits = cost < 10 ? "0\(cost)" : "\(cost)"
        guard let hash = compute(password, setting: Array("$2b$\(digits)$".utf8) + encoded(salt)) else {
            preconditionFailure("libcrypt has no bcrypt, or there is no memory")
        }
        return Array("$2a$".utf8) + hash.dropFirst(prefixLength)
    }

    /// Whether the password has this hash. False for what is no bcrypt hash, such as an empty one.
    package static func verify(_ password: [UInt8], hash: [UInt8]) -> Bool {
        guard hash.count == hashLength, hash.starts(with: Array("$2".utf8)), hash[3] == UInt8(ascii: "$"),
            !password.contains(0),
            let computed = compute(password, setting: Array("$2b$".utf8) + hash.dropFirst(prefixLength))
        else { return false }
        // Takes the same time wherever they differ.
        var difference: UInt8 = 0
        for place in prefixLength..<hashLength { difference |= computed[place] ^ hash[place] }
        return difference == 0
    }

    private static func compute(_ password: [UInt8], setting: [UInt8]) -> [UInt8]? {
        let password = password.map(CChar.init(bitPattern:)) + [0]
        let setting = setting.map(CChar.init(bitPattern:)) + [0]
        var output = [CChar](repeating: 0, count: hashLength + 1)
        // The three arrays outlive the call, and the first two end with a zero byte.
        let isDone = unsafe ccrypt_hash(password, setting, &output, output.count)
        let hash = output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        return isDone && hash.count == hashLength ? hash : nil
    }

    private static let alphabet = Array(
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// Bcrypt's base64 without padding: 22 letters of 16 bytes.
    private static func encoded(_ salt: [UInt8]) -> [UInt8] {
        var letters: [UInt8] = []
        var buffer = 0
        var bits = 0
        for byte in salt {
            buffer = buffer << 8 | Int(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                letters.append(alphabet[buffer >> bits & 63])
            }
        }
        letters.append(alphabet[buffer << (6 - bits) & 63])
        return letters
    }
}
