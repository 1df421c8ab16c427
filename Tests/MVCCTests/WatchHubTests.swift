import Backend
import Testing

@testable import MVCC

@Suite struct WatchHubTests {
    @Test func `a watcher sees what happens to its keys from now on`() throws {
        let stage = try Stage()
        stage.keyspace.put("x", "0")
        let single = stage.watch("x")
        let range = stage.watch("x", "z")
        let all = stage.watch("a", "\0")
        stage.keyspace.put("x", "1")
        stage.keyspace.put("y", "2")
        stage.keyspace.put("zz", "3")
        try stage.delete("x")
        try stage.advance()
        #expect(stage.sink.events(single) == ["x=1@3", "-x@6"])
        #expect(stage.sink.events(range) == ["x=1@3", "y=2@4", "-x@6"])
        #expect(stage.sink.events(all) == ["x=1@3", "y=2@4", "zz=3@5", "-x@6"])
        #expect(stage.sink.responses[single]?.map(\.revision) == [3, 6])
    }

    @Test func `all events of one revision come together`() throws {
        let stage = try Stage()
        let watcher = stage.watch("a", "z")
        for key in ["a", "b", "c"] { stage.keyspace.put(key, "1") }
        try stage.delete("a", "c")
        try stage.advance()
        #expect(stage.sink.responses[watcher]?.last == .init(revision: 5, events: ["-a@5", "-b@5"]))
    }

    @Test func `watchers that share an event go on apart`() throws {
        let stage = try Stage()
        let first = stage.watch("a")
        let both = stage.watch("a", "c")
        let again = stage.watch("a", "c")
        var write = stage.keyspace.beginWrite()
        for key in ["a", "b", "bb"] { write.put(key: bytes(key), value: bytes("1"), lease: 0) }
        write.commit()
        try stage.advance()
        #expect(stage.sink.events(first) == ["a=1@2"])
        #expect(stage.sink.events(both) == ["a=1@2", "b=1@2", "bb=1@2"])
        #expect(stage.sink.events(again) == stage.sink.events(both))
    }

    @Test func `filters and previous pairs`() throws {
        let stage = try Stage()
        let deletes = stage.watch("k") { $0.wantsPuts = false }
        let puts = stage.watch("k") {
            $0.wantsDeletes = false; $0.wantsPrevious = true
        }
        let both = stage.watch("k") { $0.wantsPrevious = true }
        stage.keyspace.put("k", "1")
        stage.keyspace.put("k", "2")
        try stage.delete("k")
        stage.keyspace.put("k", "3")
        try stage.advance()
        #expect(stage.sink.events(deletes) == ["-k@4"])
        #expect(stage.sink.events(puts) == ["k=1@2", "k=2@3<1", "k=3@5"])
        #expect(stage.sink.events(both) == ["k=1@2", "k=2@3<1", "-k@4<2", "k=3@5"])
    }

    @Test func `history is replayed, and then the watcher follows`() throws {
        let stage = try Stage()
        for value in 1...5 { stage.keyspace.put("k", "\(value)") }
        try stage.advance()
        let old = stage.watch("k", from: 3)
        let future = stage.watch("k", from: 8)
        stage.keyspace.put("k", "6")
        stage.keyspace.put("k", "7")
        try stage.advance()
        #expect(stage.sink.events(old) == ["k=2@3", "k=3@4", "k=4@5", "k=5@6", "k=6@7", "k=7@8"])
        #expect(stage.sink.events(future) == ["k=7@8"])
    }

    @Test func `a start below the compaction ends the watcher, one at it does not`() throws {
        let stage = try Stage()
        for value in 1...5 { stage.keyspace.put("k", "\(value)") }
        try stage.advance()
        try stage.keyspace.compact(at: 4)
        try drain(stage.keyspace, &stage.flusher)
        let below = stage.watch("k", from: 3)
        let at = stage.watch("k", from: 4)
        try stage.advance()
        #expect(stage.sink.compacted == [below: 4])
        #expect(stage.sink.events(below) == [])
        #expect(stage.sink.events(at) == ["k=3@4", "k=4@5", "k=5@6"])
        #expect(stage.hub.count == 1)
    }

    @Test func `a compaction that overtakes the loop takes nothing from synced watchers`() throws {
        let stage = try Stage()
        let watcher = stage.watch("k")
        for value in 1...5 { stage.keyspace.put("k", "\(value)") }
        try stage.keyspace.compact(at: 6)
        #expect(try drainOnce(stage) == 0)
        try stage.advance()
        #expect(stage.sink.events(watcher) == ["k=1@2", "k=2@3", "k=3@4", "k=4@5", "k=5@6"])
        try drain(stage.keyspace, &stage.flusher)
        #expect(throws: MVCCError.compacted(6)) {
            try stage.keyspace.makeReader().changes(from: 2, through: 9) { _, _, _ in true }
        }
    }

    @Test func `without watchers a hub holds no compaction back and need not be told`() throws {
        let stage = try Stage()
        for value in 1...5 { stage.keyspace.put("k", "\(value)") }
        #expect(stage.keyspace.hubsToTell == 0)
        try stage.keyspace.compact(at: 6)
        #expect(try drainOnce(stage) == 4)
        let first = stage.watch("k")
        let second = stage.watch("k")
        #expect(stage.keyspace.hubsToTell == 1 << 3)
        stage.hub.cancel(first)
        #expect(stage.keyspace.hubsToTell == 1 << 3)
        stage.keyspace.put("k", "6")
        stage.hub.cancel(second)
        #expect(stage.keyspace.hubsToTell == 0)
        #expect(try stage.hub.advance(into: stage.sink) == false)
        stage.keyspace.put("k", "7")
        let third = stage.watch("k")
        stage.keyspace.put("k", "8")
        stage.keyspace.put("k", "9")
        try stage.keyspace.compact(at: 10)
        #expect(try drainOnce(stage) == 0)
        try stage.advance()
        #expect(stage.sink.events(third) == ["k=8@9", "k=9@10"])
        #expect(stage.sink.compacted.isEmpty)
    }

    @Test func `a hub's first watcher may begin in the past`() throws {
        let stage = try Stage()
        for value in 1...3 { stage.keyspace.put("k", "\(value)") }
        let watcher = stage.watch("k", from: 3)
        stage.keyspace.put("k", "4")
        try stage.advance()
        #expect(stage.sink.events(watcher) == ["k=2@3", "k=3@4", "k=4@5"])
    }

    /// As many flushes as a small compaction takes; says how many records they deleted.
    private func drainOnce(_ stage: Stage) throws -> Int {
        stage.keyspace.handOver([], position: 1)
        return try (0..<5).reduce(0) { deleted, _ in deleted + (try stage.flusher.flush().deleted) }
    }

    @Test func `a full stream holds its watcher back and nobody else`() throws {
        let stage = try Stage()
        let slow = stage.watch("k")
        let quick = stage.watch("k")
        stage.keyspace.put("k", "1")
        try stage.advance()
        stage.sink.full = [slow]
        for value in 2...4 { stage.keyspace.put("k", "\(value)") }
        try stage.advance()
        #expect(stage.sink.events(slow) == ["k=1@2"])
        #expect(stage.sink.events(quick).count == 4)
        stage.hub.resume(slow)
        try stage.advance()
        #expect(stage.sink.events(slow) == ["k=1@2"])
        stage.sink.full = []
        stage.hub.resume(slow)
        stage.keyspace.put("k", "5")
        try stage.advance()
        #expect(stage.sink.events(slow) == ["k=1@2", "k=2@3", "k=3@4", "k=4@5", "k=5@6"])
        #expect(stage.sink.events(quick).count == 5)
    }

    @Test func `a watcher held back below a compaction ends`() throws {
        let stage = try Stage()
        let slow = stage.watch("k")
        stage.sink.full = [slow]
        for value in 1...4 { stage.keyspace.put("k", "\(value)") }
        try stage.advance()
        try stage.keyspace.compact(at: 4)
        stage.sink.full = []
        stage.hub.resume(slow)
        try stage.advance()
        #expect(stage.sink.compacted == [slow: 4])
    }

    @Test func `after a cancel nothing comes any more, and its place is used again`() throws {
        let stage = try Stage()
        let gone = stage.watch("k")
        stage.keyspace.put("k", "1")
        stage.hub.cancel(gone)
        stage.hub.cancel(gone)
        let next = stage.watch("k")
        #expect(next != gone)
        stage.keyspace.put("k", "2")
        try stage.advance()
        #expect(stage.sink.events(gone) == [] && stage.sink.events(next) == ["k=2@3"])
    }

    @Test func `progress is answered only when everything was seen`() throws {
        let stage = try Stage()
        #expect(stage.hub.progressRevision([]) == nil)
        let now = stage.watch("k") { $0.notifiesProgress = true }
        #expect(stage.hub.progressRevision([now]) == 1)
        let future = stage.watch("k", from: 10)
        #expect(stage.hub.progressRevision([now, future]) == nil)
        stage.hub.cancel(future)
        stage.keyspace.put("k", "1")
        let old = stage.watch("k", from: 1)
        stage.sink.full = [old]
        try stage.advance()
        #expect(stage.hub.progressRevision([now, old]) == nil)
        #expect(stage.hub.idleRevision(now) == nil, "it had an event")
        #expect(stage.hub.idleRevision(now) == 2)
        #expect(stage.hub.idleRevision(old) == nil)
        stage.sink.full = []
        stage.hub.resume(old)
        try stage.advance()
        #expect(stage.hub.progressRevision([now, old]) == 2)
    }

    @Test func `work is done in bounded steps`() throws {
        let stage = try Stage()
        let follower = stage.watch("k", "l")
        for value in 1...50 { stage.keyspace.put("k\(value)", "1") }
        let reader = stage.watch("k", "l", from: 2)
        var budget = WatchHub.Budget()
        budget.revisions = 7
        var steps = 1
        while try stage.hub.advance(budget, into: stage.sink) { steps += 1 }
        #expect(steps >= 8)
        #expect(stage.sink.events(follower).count == 50)
        #expect(stage.sink.events(reader) == stage.sink.events(follower))
        budget = WatchHub.Budget()
        budget.bytes = 100
        let again = stage.watch("k", "l", from: 2)
        while try stage.hub.advance(budget, into: stage.sink) {}
        #expect(stage.sink.events(again) == stage.sink.events(follower))
        #expect((stage.sink.responses[again]?.count ?? 0) > 10)
    }

    @Test func `a thousand watchers of one key share one encoding, ten thousand keys find theirs`() throws {
        let stage = try Stage()
        let same = (0..<1000).map { _ in stage.watch("same") }
        let own = (0..<10_000).map { stage.watch("key\($0)") }
        stage.keyspace.put("same", "1")
        stage.keyspace.put("key77", "2")
        try stage.advance()
        #expect(same.allSatisfy { stage.sink.events($0) == ["same=1@2"] })
        #expect(own.filter { !stage.sink.events($0).isEmpty } == [own[77]])
        let bases = Set(
            stage.sink.encodings.prefix(1000).map { encoding in
                unsafe encoding.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            })
        #expect(bases.count == 1)
    }

    @Test func `any mixture of watchers sees what the history says`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed: seed)
        let stage = try Stage()
        var history: [(revision: Int64, key: String, event: String)] = []
        var watchers: [(id: WatcherID, start: String, end: String, from: Int64)] = []
        var live: Set<String> = []
        for step in 0..<1500 {
            switch random.below(8) {
            case 0...2:
                let key = "k\(random.below(20))"
                stage.keyspace.put(key, "v\(step)")
                let revision = stage.keyspace.currentRevision
                history.append((revision, key, "\(key)=v\(step)@\(revision)"))
                live.insert(key)
            case 3:
                let key = "k\(random.below(20))"
                guard live.remove(key) != nil else { continue }
                try stage.delete(key)
                history.append(
                    (stage.keyspace.currentRevision, key, "-\(key)@\(stage.keyspace.currentRevision)"))
            case 4 where watchers.count < 60:
                let start = "k\(random.below(20))"
                let end = ["", "\0", "k\(random.below(20))"][random.below(3)]
                let current = stage.keyspace.currentRevision
                let from = [0, Int64(random.below(Int(current))) + 1, current + 5][random.below(3)]
                watchers.append(
                    (stage.watch(start, end, from: from), start, end, from == 0 ? current + 1 : from))
            case 5:
                if let watcher = watchers.randomElement(using: &random) { stage.sink.full.insert(watcher.id) }
            case 6:
                if let watcher = stage.sink.full.first {
                    stage.sink.full.remove(watcher)
                    stage.hub.resume(watcher)
                }
            default:
                var budget = WatchHub.Budget()
                budget.revisions = Int64(random.below(20)) + 1
                _ = try stage.hub.advance(budget, into: stage.sink)
                if random.chance(10) { _ = try drainOnce(stage) }
            }
        }
        let full = stage.sink.full
        stage.sink.full = []
        for watcher in full { stage.hub.resume(watcher) }
        try stage.advance()
        for watcher in watchers {
            let range = KeyRange(key: bytes(watcher.start), rangeEnd: bytes(watcher.end))
            let expected = history.filter { change in
                if change.revision < watcher.from { return false }
                return unsafe range.contains(bytes(change.key).span.bytes)
            }
            #expect(stage.sink.events(watcher.id) == expected.map(\.event), "seed \(seed), \(watcher)")
        }
    }
}
