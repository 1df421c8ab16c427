import Bolt
import Glibc

/// A directory of its own, removed with all its files.
final class Scratch {
    let path: String
    private var names: [String] = []

    init() {
        var template = Array("/tmp/bolt-tests-XXXXXX".utf8CString)
        // mkdtemp writes into the zero-terminated array and returns it.
        path = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else {
                fatalError("mkdtemp failed: \(errno)")
            }
            return unsafe String(cString: made)
        }
    }

    deinit {
        for name in names { unsafe unlink(name) }
        unsafe rmdir(path)
    }

    func file(_ name: String, _ bytes: [UInt8] = []) -> String {
        let file = path + "/" + name
        names.append(file)
        let descriptor = unsafe open(file, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        precondition(descriptor >= 0)
        defer { close(descriptor) }
        let written = unsafe write(descriptor, bytes, bytes.count)
        precondition(written == bytes.count)
        return file
    }
}

func contents(_ path: String) -> [UInt8] {
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

/// A record of a test.
struct Pair: Equatable {
    var key: [UInt8]
    var value: [UInt8]
}

/// Writes a file of these buckets, which come in order.
func write(_ buckets: [(name: String, pairs: [Pair])], to path: String, pageSize: Int) throws -> UInt64 {
    let descriptor = unsafe open(path, O_RDWR)
    precondition(descriptor >= 0)
    defer { close(descriptor) }
    var writer = BoltWriter(descriptor: descriptor, path: path, pageSize: pageSize)
    for bucket in buckets {
        try writer.begin(bucket: Array(bucket.name.utf8))
        for pair in bucket.pairs {
            try unsafe writer.append(key: pair.key.span.bytes, value: pair.value.span.bytes)
        }
    }
    return try writer.finish()
}

func pairs(of bucket: BoltBucket, in file: BoltFile, _ order: BoltFile.Order = .ascending) throws -> [Pair] {
    var pairs: [Pair] = []
    try file.forEach(in: bucket, order) { key, value in
        pairs.append(
            unsafe Pair(
                key: key.withUnsafeBytes { unsafe Array($0) },
                value: value.withUnsafeBytes { unsafe Array($0) }))
        return true
    }
    return pairs
}

func damages(of file: BoltFile) -> [BoltError] {
    var damages: [BoltError] = []
    _ = file.check { damages.append($0) }
    return damages
}

/// A generator whose whole run follows from its seed (splitmix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
