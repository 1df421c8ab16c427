import Backend
import Glibc

/// A directory of its own, removed with all its files.
final class Scratch: Sendable {
    let path: String

    init() {
        // A name no other test of this machine has: process and a random number.
        path = "/tmp/backend-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let code = unsafe mkdir(path, 0o700)
        precondition(code == 0, "mkdir")
    }

    var database: String { path + "/db" }

    var names: Set<String> {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: Set<String> = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.insert(name) }
        }
        return names
    }

    deinit {
        for name in names { unsafe unlink(path + "/" + name) }
        unsafe rmdir(path)
    }
}

func readFile(_ path: String) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY)
    precondition(descriptor >= 0)
    defer { close(descriptor) }
    var (bytes, piece) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while true {
        let count = unsafe read(descriptor, &piece, piece.count)
        if count <= 0 { return bytes }
        bytes += piece[..<count]
    }
}

func writeFile(_ path: String, _ bytes: [UInt8]) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0)
    defer { close(descriptor) }
    var offset = 0
    while offset < bytes.count {
        let rest = Array(bytes[offset...])
        let count = unsafe write(descriptor, rest, rest.count)
        precondition(count > 0)
        offset += count
    }
}

/// splitmix64: the same numbers for the same seed everywhere.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Environment {
    func put(_ bucket: Bucket, _ key: String, _ value: [UInt8]) throws {
        var transaction = try write()
        try transaction.put(bucket, bytes(key), value)
        try transaction.commit()
    }

    /// Every record of every bucket.
    func contents() throws -> [[UInt8]: [UInt8]] {
        var found: [[UInt8]: [UInt8]] = [:]
        let transaction = try read()
        for bucket in Bucket.allCases {
            try transaction.forEach(bucket) { key, value in
                let name = bytes(bucket.name + "/") + (unsafe key.withUnsafeBytes { unsafe [UInt8]($0) })
                found[name] = unsafe value.withUnsafeBytes { unsafe [UInt8]($0) }
                return true
            }
        }
        return found
    }
}
