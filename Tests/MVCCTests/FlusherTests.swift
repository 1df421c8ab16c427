import Backend
import Synchronization
import Testing

@testable import MVCC

@Suite struct FlusherTests {
    private func open(_ scratch: Scratch) throws -> Keyspace {
        try Keyspace(environment: Environment(path: scratch.database))
    }

    @Test func `only what was handed over is in the database, with the changes of other buckets`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do {
            let keyspace = try open(scratch)
            var flusher = Flusher(keyspace)
            #expect(try flusher.flush() == FlushReport())
            keyspace.put("a", "1")
            let index = bytes("consistent_index")
            keyspace.handOver([BucketChange(.meta, key: index, value: [6])], position: 6)
            keyspace.put("b", "2")
            keyspace.handOver(
                [
                    BucketChange(.meta, key: index, value: [7]),
                    BucketChange(.lease, key: [1], value: [1]), BucketChange(.lease, key: [1], value: nil),
                    BucketChange(.lease, key: [2], value: [2]),
                ], position: 7)
            keyspace.put("c", "3")
            let report = try flusher.flush()
            #expect(report.records == 2 && report.position == 7 && !report.hasMore)
            #expect(keyspace.memory.unflushedBytes > 0)
            #expect(try flusher.flush().position == 7)
        }
        let keyspace = try open(scratch)
        #expect(keyspace.currentRevision == 3)
        let transaction = try keyspace.environment.read()
        #expect(try transaction.value(.meta, bytes("consistent_index")) == [7])
        #expect(try transaction.value(.lease, [1]) == nil)
        #expect(try transaction.value(.lease, [2]) == [2])
    }

    @Test func `a database that is full loses nothing of the hand-over`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        var options = Environment.Options()
        options.mapSize = 1 << 20
        let keyspace = try Keyspace(environment: Environment(path: scratch.database, options: options))
        var flusher = Flusher(keyspace)
        for number in 0..<40 { keyspace.put(bytes("k\(number)"), [UInt8](repeating: 1, count: 50_000)) }
        keyspace.handOver([BucketChange(.meta, key: [1], value: [1])], position: 1)
        keyspace.put("small", "x")
        #expect(throws: MVCCError.backend(.full)) { try flusher.flush() }
        keyspace.handOver([BucketChange(.meta, key: [1], value: [2])], position: 2)
        #expect(throws: MVCCError.backend(.full)) { try flusher.flush() }
        let selection = try keyspace.makeReader().select(.all)
        #expect(selection.count == 41)
        for index in selection.matches.indices { _ = try selection.record(index) }
        #expect(try keyspace.environment.read().count(.key) == 0)
    }

    @Test func `unflushed bytes are counted, and beyond the bound the apply thread waits for a flush`() throws
    {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try open(scratch)
        var flusher = Flusher(keyspace)
        #expect(!keyspace.isFlushDue() && !keyspace.isOverfull)
        let value = [UInt8](repeating: 1, count: 1 << 20)
        for number in 0..<9 { keyspace.put(bytes("k\(number)"), value) }
        #expect(keyspace.isFlushDue() && !keyspace.isOverfull)
        for number in 0..<60 { keyspace.put(bytes("k\(number)"), value) }
        #expect(keyspace.isOverfull)
        keyspace.handOver([], position: 1)
        let waiter = TestThread { keyspace.awaitRoom() }
        _ = try flusher.flush()
        waiter.join()
        #expect(!keyspace.isOverfull && !keyspace.isFlushDue())
        #expect(keyspace.memory.unflushedBytes == 0)
        #expect(keyspace.memory.tailBytes < 3 << 20)
    }

    @Test func `many records make a flush due`() throws {
        let keyspaceScratch = Scratch()
        defer { withExtendedLifetime(keyspaceScratch) {} }
        let keyspace = try open(keyspaceScratch)
        for number in 0..<10_000 { keyspace.put("k\(number % 10)", "") }
        #expect(keyspace.isFlushDue() && !keyspace.isFlushDue(records: 10_001))
    }

    @Test func `a selection reads its records after flush, compaction and defragmentation`() throws {
        let keyspaceScratch = Scratch()
        defer { withExtendedLifetime(keyspaceScratch) {} }
        let keyspace = try open(keyspaceScratch)
        var flusher = Flusher(keyspace)
        for round in 0..<3 { for number in 0..<200 { keyspace.put("k\(number)", "\(round)") } }
        let flushedHalf = try keyspace.makeReader().select(.all, revision: 300)
        try drain(keyspace, &flusher)
        let before = try keyspace.makeReader().select(.all, revision: 300)
        for number in 0..<200 { keyspace.put("k\(number)", "9") }
        try keyspace.compact(at: keyspace.currentRevision)
        try drain(keyspace, &flusher)
        try flusher.defragment()
        #expect(try keyspace.environment.read().count(.key) == 200)
        for selection in [flushedHalf, before] {
            #expect(selection.count == 200)
            for index in selection.matches.indices {
                let pair = Model.Pair(try selection.record(index))
                #expect(pair?.mod == selection.matches[index].modRevision)
            }
            selection.release()
            #expect(throws: MVCCError.self) { try selection.record(0) }
        }
    }
}

@Suite struct CompactionTests {
    private func open(_ scratch: Scratch) throws -> Keyspace {
        try Keyspace(environment: Environment(path: scratch.database))
    }

    private func stored(_ keyspace: Keyspace) throws -> [(Int64, Bool)] {
        var found: [(Int64, Bool)] = []
        let transaction = try keyspace.environment.read()
        try transaction.forEach(.key) { key, _ in
            let key = unsafe key.withUnsafeBytes { unsafe RevisionKey($0) }
            found.append((key?.revision.main ?? -1, key?.isTombstone ?? false))
            return true
        }
        return found
    }

    @Test func `it keeps the newest at or below it, a tombstone only when it is exactly there`() throws {
        let keyspaceScratch = Scratch()
        defer { withExtendedLifetime(keyspaceScratch) {} }
        let keyspace = try open(keyspaceScratch)
        var flusher = Flusher(keyspace)
        keyspace.put("a", "1")  // 2
        keyspace.put("a", "2")  // 3
        keyspace.put("b", "1")  // 4
        _ = try keyspace.delete(KeyRange(key: bytes("b")))  // 5
        keyspace.put("c", "1")  // 6
        _ = try keyspace.delete(KeyRange(key: bytes("c")))  // 7
        keyspace.put("a", "3")  // 8
        let count = Counter()
        try keyspace.compact(at: 7) { count.add() }
        #expect(count.value == 0)
        try drain(keyspace, &flusher)
        #expect(count.value == 1)
        #expect(try stored(keyspace).map(\.0) == [3, 7, 8])
        #expect(keyspace.memory.keys == 2, "b is forgotten, c has its tombstone")
        #expect(keyspace.compactedRevision == 7)
        try keyspace.compact(at: 8)
        try drain(keyspace, &flusher)
        #expect(try stored(keyspace).map(\.0) == [8])
        #expect(keyspace.memory.keys == 1 && keyspace.memory.olderChanges == 0)
        keyspace.checkInvariants()
    }

    @Test func `one looks on between two flushes, and the next deletes what it found`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try open(scratch)
        var flusher = Flusher(keyspace)
        for number in 0..<3000 { keyspace.put("k\(number % 10)", "\(number)") }
        try keyspace.compact(at: 3000)
        keyspace.handOver([], position: 1)
        #expect(try flusher.flush().deleted == 0, "it is only known now")
        keyspace.put("new", "1")
        keyspace.handOver([], position: 2)
        var slices = 0
        while true {
            let report = try flusher.compact()
            #expect(report.records == 0 && report.position == nil && report.writeTime == nil)
            #expect(report.hasMore)
            slices += 1
            if report.isFlushDue { break }
        }
        #expect(slices == 3)
        #expect(try stored(keyspace).count == 3000)
        let report = try flusher.flush()
        #expect(report.records == 1 && report.deleted == 2989 && report.endedCompaction != nil)
        #expect(try stored(keyspace).map(\.0) == Array(2991...3001) + [3002])
    }

    @Test func `between two flushes it remembers no more than what one transaction deletes`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try open(scratch)
        var flusher = Flusher(keyspace, compactionBatch: 500)
        for number in 0..<25_000 { keyspace.put("k\(number % 10)", "\(number)") }
        try keyspace.compact(at: 25_000)
        keyspace.handOver([], position: 1)
        _ = try flusher.flush()
        for _ in 0..<30 { _ = try flusher.compact() }
        let report = try flusher.flush()
        #expect(report.deleted == 10_000 && report.hasMore && report.endedCompaction == nil)
        try drain(keyspace, &flusher)
        #expect(try stored(keyspace).count == 11)
    }

    @Test func `what was found is not deleted while a dump or a watch needs it`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let keyspace = try open(scratch)
        var flusher = Flusher(keyspace)
        for number in 0..<100 { keyspace.put("k", "\(number)") }
        try keyspace.compact(at: 100)
        keyspace.handOver([], position: 1)
        _ = try flusher.flush()
        #expect(try flusher.compact().isFlushDue)
        keyspace.pauseCompaction()
        #expect(try flusher.flush().deleted == 0)
        #expect(try !flusher.compact().isFlushDue, "a flush would be for nothing")
        keyspace.resumeCompaction()
        let floor = WatchFloor(50, succession: 0)
        keyspace.watchFloors.withLock { $0.add(floor) }
        #expect(try flusher.flush().deleted == 0)
        floor.raise(to: 101)
        #expect(try flusher.flush().deleted == 98)
    }

    @Test func `an interrupted one is resumed by the next opening`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do {
            let keyspace = try open(scratch)
            var flusher = Flusher(keyspace)
            for number in 0..<5000 { keyspace.put("k\(number % 10)", "\(number)") }
            try keyspace.compact(at: 5000)
            keyspace.handOver([], position: 1)
            _ = try flusher.flush()
            let report = try flusher.flush()
            #expect(report.deleted == 1000 && report.hasMore)
        }
        let keyspace = try open(scratch)
        #expect(keyspace.compactedRevision == 5000 && keyspace.currentRevision == 5001)
        var flusher = Flusher(keyspace)
        try drain(keyspace, &flusher)
        #expect(try stored(keyspace).map(\.0) == Array(4991...5001))
        #expect(keyspace.memory.olderChanges == 1)
        let meta = try keyspace.environment.read()
        #expect(
            try meta.value(.meta, bytes("finishedCompactRev"))
                == [0, 0, 0, 0, 0, 0, 0x13, 0x88, 0x5f, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(
            try meta.value(.meta, bytes("scheduledCompactRev"))
                == (try meta.value(.meta, bytes("finishedCompactRev"))))
    }

    @Test func `the current revision survives even when the last record is compacted away`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do {
            let keyspace = try open(scratch)
            var flusher = Flusher(keyspace)
            keyspace.put("a", "1")
            _ = try keyspace.delete(KeyRange(key: bytes("a")))
            keyspace.put("b", "1")
            _ = try keyspace.delete(KeyRange(key: bytes("b")))
            try keyspace.compact(at: 4)
            try drain(keyspace, &flusher)
            try keyspace.compact(at: 5)
            try drain(keyspace, &flusher)
        }
        let keyspace = try open(scratch)
        #expect(keyspace.currentRevision == 5 && keyspace.compactedRevision == 5)
        #expect(try stored(keyspace).map(\.0) == [5])
    }

    @Test func `compactions queue up, pause for a dump, and their hashes are kept`() throws {
        let keyspaceScratch = Scratch()
        defer { withExtendedLifetime(keyspaceScratch) {} }
        let keyspace = try open(keyspaceScratch)
        var flusher = Flusher(keyspace)
        for number in 0..<300 { keyspace.put("k\(number % 7)", "\(number)") }
        try drain(keyspace, &flusher)
        let expected = try keyspace.hashKV(revision: 100)
        try keyspace.compact(at: 100)
        try keyspace.compact(at: 200)
        #expect(throws: MVCCError.compacted(200)) { try keyspace.compact(at: 200) }
        #expect(throws: MVCCError.futureRevision) { try keyspace.compact(at: 302) }
        keyspace.pauseCompaction()
        keyspace.handOver([], position: 1)
        let held = try flusher.flush()
        #expect(held.deleted == 0 && held.hasMore)
        keyspace.resumeCompaction()
        try drain(keyspace, &flusher)
        #expect(try keyspace.hashKV(revision: 100) == expected)
        #expect(try keyspace.hashKV(revision: 200).compactRevision == 100)
        for revision in 201...212 {
            try keyspace.compact(at: Int64(revision))
            try drain(keyspace, &flusher)
        }
        #expect(throws: MVCCError.compacted(212)) { try keyspace.hashKV(revision: 100) }
        #expect(try keyspace.hashKV(revision: 203).compactRevision == 202)
        #expect(try keyspace.hashKV(revision: 0).compactRevision == 212)
    }

    @Test(arguments: [true, false])
    func `HashKV does not depend on how far the deletion has come`(isDrained: Bool) throws {
        let keyspaceScratch = Scratch()
        defer { withExtendedLifetime(keyspaceScratch) {} }
        let keyspace = try open(keyspaceScratch)
        var flusher = Flusher(keyspace)
        for number in 0..<3000 {
            keyspace.put("k\(number % 50)", "\(number)")
            if number % 11 == 0 { _ = try keyspace.delete(KeyRange(key: bytes("k\(number % 13)"))) }
        }
        try drain(keyspace, &flusher)
        let twinScratch = Scratch()
        defer { withExtendedLifetime(twinScratch) {} }
        let twin = try open(twinScratch)
        for number in 0..<3000 {
            twin.put("k\(number % 50)", "\(number)")
            if number % 11 == 0 { _ = try twin.delete(KeyRange(key: bytes("k\(number % 13)"))) }
        }
        for space in [keyspace, twin] { try space.compact(at: 2500) }
        if isDrained { try drain(keyspace, &flusher) }
        for revision: Int64 in [0, 2501, 2800, 3000] {
            #expect(try keyspace.hashKV(revision: revision) == twin.hashKV(revision: revision))
        }
        keyspace.checkInvariants()
    }

    /// Writes wait for the index while it is pruned, so what one hold of its lock does has a bound.
    @Test(arguments: [64, 2048]) func `one step of pruning works on a bounded number of keys`(keysMax: Int) {
        let index = KeyIndex()
        let keyCount = 30_000
        for main in 1...Int64(2 * keyCount) {
            let key = bytes("/registry/pods/\(main % Int64(keyCount))")
            _ = unsafe key.withUnsafeBytes { key in
                unsafe index.put(key, at: Revision(main: main), valueSize: 1, lease: 0)
            }
        }
        var (position, steps) = ([UInt8](), 0)
        var isAtEnd = false
        while !isAtEnd {
            // One older change a key: what is dropped counts the keys that were worked on.
            let before = index.olderCount
            let next = index.prune(through: Int64(2 * keyCount), from: position, keysMax: keysMax)
            #expect(before - index.olderCount <= keysMax + 256, "and a leaf")
            position = next ?? []
            isAtEnd = next == nil
            steps += 1
        }
        #expect(index.olderCount == 0 && steps >= keyCount / (keysMax + 256))
        index.checkInvariants()
    }
}
