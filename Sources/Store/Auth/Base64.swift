/// Standard base64 (RFC 4648 §4), the form of the password hashes in the log.
extension [UInt8] {
    /// Reads standard base64 with padding; nil for anything else.
    package init?(base64 text: [UInt8]) {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).filter { $0 == UInt8(ascii: "=") }.count
        let letters = text.dropLast(padding)
        self = []
        var buffer: UInt32 = 0
        var bits = 0
        for letter in letters {
            guard let value = Self.base64Value(letter) else { return nil }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
        }
    }

    /// The bytes in standard base64, padded.
    package var base64: [UInt8] {
        var letters: [UInt8] = []
        letters.reserveCapacity((count + 2) / 3 * 4)
        for start in stride(from: 0, to: count, by: 3) {
            let part = self[start..<Swift.min(start + 3, count)]
            let bits = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for place in 0..<4 {
                letters.append(
                    place <= part.count
                        ? Self.base64Letters[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return letters
    }

    private static let base64Letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func base64Value(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): letter - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): letter - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
