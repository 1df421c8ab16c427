import Backend
import Glibc
@testable import MVCC
import Wire

/// A directory of its own, removed with this object.
final class Scratch {
    let path: String

    init() {
        // A name no other test of this machine has: process and a random number.
        path = "/tmp/mvcc-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let code = unsafe mkdir(path, 0o700)
        precondition(code == 0, "mkdir")
    }

    var database: String { path + "/db" }

    deinit {
        for name in ["db", "db-lock", "db.lock"] { unsafe unlink(path + "/" + name) }
        unsafe rmdir(path)
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
    mutating func chance(_ one: Int) -> Bool { below(one) == 0 }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Keyspace {
    /// A write of its own with one put.
    func put(_ key: [UInt8], _ value: [UInt8], lease: Int64 = 0) {
        var write = beginWrite()
        write.put(key: key, value: value, lease: lease)
        write.commit()
    }

    func put(_ key: String, _ value: String, lease: Int64 = 0) { put(bytes(key), bytes(value), lease: lease) }

    func delete(_ range: KeyRange) throws -> Deletion {
        var write = beginWrite()
        let deletion = try write.delete(range, DeletionRequest(wantsRecords: true, wantsKeys: true))
        write.commit()
        return deletion
    }
}

/// Flushes until nothing is left to do.
func drain(_ keyspace: Keyspace, _ flusher: inout Flusher, position: UInt64 = 0) throws {
    keyspace.handOver([], position: position)
    while try flusher.flush().hasMore {}
}

/// A load with everything that is flushed of a keyspace.
func fill(_ load: consuming BulkLoad, from source: Keyspace) throws -> BulkLoad {
    let transaction = try source.environment.read()
    for bucket in Bucket.allCases {
        var records: [(key: [UInt8], value: [UInt8])] = []
        try transaction.forEach(bucket) { key, value in
            records.append((key.copied(), value.copied()))
            return true
        }
        for record in records { try load.add(bucket, key: record.key, value: record.value) }
    }
    return load
}

/// What is flushed of `source`, ready to replace `target`.
func copy(of source: Keyspace, for target: Keyspace) throws -> KeyspaceReplacement {
    let load = try fill(BulkLoad(replacing: target.environment.path), from: source)
    return try KeyspaceReplacement(load.finish(beside: target.environment))
}
