import Backend
import Testing

@testable import MVCC

@Suite struct HashTests {
    /// The example of spec/vectors.md 5: the hashes are those a real etcd 3.5.30 gave.
    @Test(arguments: [true, false])
    func `HashKV gives what etcd gives for the same history`(isFlushed: Bool) throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        var flusher = Flusher(keyspace)
        keyspace.put("foo", "bar")
        #expect(try keyspace.hashKV(revision: 0).hash == 3_305_255_506)
        #expect(try keyspace.hashKV(revision: 0).compactRevision == -1)
        for number in 1...6 { keyspace.put("k\(number)", "v\(number)") }
        keyspace.put("lk", "lv", lease: 5162710679416940568)
        _ = try keyspace.delete(KeyRange(key: bytes("k1")))
        #expect(try keyspace.delete(KeyRange(key: bytes("k"), rangeEnd: bytes("l"))).count == 5)
        keyspace.put("foo", "b2")
        _ = try keyspace.delete(KeyRange(key: bytes("lk")))
        if isFlushed { try drain(keyspace, &flusher) }
        try keyspace.compact(at: 5)
        if isFlushed { try drain(keyspace, &flusher) }
        #expect(keyspace.currentRevision == 13)
        #expect(
            try keyspace.hashKV(revision: 0)
                == KeyspaceHash(hash: 2_730_560_869, compactRevision: 5, hashRevision: 13))
        #expect(
            try keyspace.hashKV(revision: 10)
                == KeyspaceHash(hash: 2_901_898_656, compactRevision: 5, hashRevision: 10))
        #expect(throws: MVCCError.compacted(5)) { try keyspace.hashKV(revision: 4) }
        #expect(throws: MVCCError.futureRevision) { try keyspace.hashKV(revision: 14) }
    }

    /// Found by the simulation, seed 7: members with equal keys told each other corrupt.
    @Test func `HashKV where no key lives does not depend on how far a compaction has come`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        var flusher = Flusher(keyspace)
        for number in 1...3 { keyspace.put("a", "\(number)") }
        keyspace.put("b", "1")
        _ = try keyspace.delete(KeyRange(key: bytes("b")))
        keyspace.put("c", "1")
        try keyspace.compact(at: keyspace.currentRevision)
        _ = try keyspace.delete(.all)
        let before = try keyspace.hashKV(revision: 0)
        try drain(keyspace, &flusher)
        #expect(try keyspace.hashKV(revision: 0) == before)
    }
}
