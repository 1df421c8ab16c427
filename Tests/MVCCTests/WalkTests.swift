import Backend
import Synchronization
import Testing

@testable import MVCC

/// Walks that let the lock go between their steps.
@Suite struct WalkTests {
    private static func key(_ number: Int) -> [UInt8] { bytes("key/\(10_000 + number)") }

    @Test func `a long range is whole and of one revision though keys come and go meanwhile`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        for number in 0..<9000 { keyspace.put(Self.key(number), bytes("\(number)")) }
        let revision = keyspace.currentRevision
        var options = SelectionOptions()
        options.wantsKeys = true
        var walk = RangeWalk(range: .all, revision: revision, options: options)
        var random = Seeded(seed: 7)
        var steps = 0
        while !walk.isDone {
            keyspace.lock.read { keyspace.index.advance(&walk, keysMax: 100) }
            keyspace.put(Self.key(random.below(9000)) + [1], [1])
            keyspace.put(Self.key(random.below(9000)), [2])
            _ = try keyspace.delete(KeyRange(key: Self.key(random.below(9000))))
            steps += 1
        }
        #expect(steps > 50)
        #expect(walk.count == 9000 && walk.matches.map(\.modRevision) == (0..<9000).map { Int64($0 + 2) })
        #expect(walk.keys == (0..<9000).flatMap { Self.key($0) })
        let selection = try keyspace.makeReader().select(.all, revision: revision)
        #expect(selection.matches == walk.matches)
        options.limit = 5000
        #expect(try keyspace.makeReader().select(.all, revision: revision, options: options).count == 9000)
        options.wantsTotal = false
        let cut = try keyspace.makeReader().select(.all, revision: revision, options: options)
        #expect(cut.count == 5000 && cut.matches == Array(walk.matches.prefix(5000)))
        #expect(cut.key(4999) == Self.key(4999))
        cut.withKey(4999) { #expect($0.byteCount == Self.key(4999).count) }
    }

    @Test func `a selection without records has its matches and reads none from the database`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        var flusher = Flusher(keyspace)
        for number in 0..<3000 { keyspace.put(Self.key(number), [1]) }
        keyspace.handOver([], position: 1)
        _ = try flusher.flush()
        let whole = try keyspace.makeReader().select(KeyRange(key: Self.key(0)))
        var options = SelectionOptions()
        options.wantsRecords = false
        let bare = try keyspace.makeReader().select(KeyRange(key: Self.key(0)), options: options)
        #expect(bare.count == 1 && bare.matches == whole.matches)
        #expect(try whole.record(0).count == Int(whole.matches[0].size))
        #expect(throws: MVCCError.damagedRecord(Revision(main: 2))) { try bare.record(0) }
    }

    @Test func `pruning waits for a walk that needs what it would remove`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        var flusher = Flusher(keyspace)
        for round in 0..<2 { for number in 0..<100 { keyspace.put(Self.key(number), [UInt8(round)]) } }
        keyspace.walks.withLock { $0.begin(101) }
        try keyspace.compact(at: 201)
        keyspace.handOver([], position: 1)
        for _ in 0..<5 { _ = try flusher.flush() }
        #expect(keyspace.memory.olderChanges == 100)
        #expect(try keyspace.environment.read().count(.key) == 100)
        keyspace.walks.withLock { $0.end(101) }
        try drain(keyspace, &flusher)
        #expect(keyspace.memory.olderChanges == 0)
    }

    @Test func `filters cut the list and not the count`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        for number in 0..<10 { keyspace.put(Self.key(number), []) }  // 2...11
        for number in 0..<5 { keyspace.put(Self.key(number), []) }  // 12...16
        let reader = keyspace.makeReader()
        func mods(_ change: (inout SelectionOptions) -> Void) throws -> [Int64] {
            var options = SelectionOptions()
            change(&options)
            let selection = try reader.select(.all, options: options)
            #expect(selection.count == 10)
            return selection.matches.map(\.modRevision)
        }
        #expect(try mods { $0.modRevisionMin = 12 } == Array(12...16))
        #expect(try mods { $0.modRevisionMax = 8 } == [7, 8])
        #expect(try mods { $0.createRevisionMin = 6 } == [16, 7, 8, 9, 10, 11])
        #expect(try mods { $0.createRevisionMax = 3 } == [12, 13])
        #expect(try mods { ($0.createRevisionMax, $0.limit) = (4, 2) } == [12, 13])
        #expect(try mods { $0.isCountOnly = true } == [])
    }

    @Test func `the forms of a range name the keys etcd means`() throws {
        let (a, b, ab) = (bytes("a"), bytes("b"), bytes("ab"))
        func names(_ range: KeyRange) -> [Bool] {
            [a, ab, b, [0xff]].map { unsafe range.contains($0.span.bytes) }
        }
        #expect(names(KeyRange(key: a, rangeEnd: [])) == [true, false, false, false])
        #expect(names(KeyRange(key: ab, rangeEnd: [0])) == [false, true, true, true])
        #expect(names(KeyRange(key: a, rangeEnd: b)) == [true, true, false, false])
        #expect(names(KeyRange(key: b, rangeEnd: a)) == [false, false, false, false])
        #expect(names(KeyRange(key: a, rangeEnd: a)) == [false, false, false, false])
        #expect(names(.all) == [true, true, true, true])
    }

    @Test func `prev_kv is the record before, and nothing when that was compacted`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try Keyspace(environment: Environment(path: scratch.database))
        for value in ["1", "2", "3"] { keyspace.put("k", value) }
        let (reader, key) = (keyspace.makeReader(), bytes("k"))
        let record = unsafe try #require(try reader.record(key.span.bytes, at: 3))
        #expect(Model.Pair(record)?.value == bytes("2"))
        unsafe #expect(try reader.record(key.span.bytes, at: 1) == nil)
        try keyspace.compact(at: 4)
        unsafe #expect(try reader.record(key.span.bytes, at: 3) == nil)
        unsafe #expect(try reader.record(key.span.bytes, at: 4) != nil)
        #expect(throws: MVCCError.compacted(4)) {
            try reader.changes(from: 3, through: 4) { _, _, _ in true }
        }
    }
}
