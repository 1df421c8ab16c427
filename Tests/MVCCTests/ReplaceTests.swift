import Backend
import Glibc
import Testing

@testable import MVCC

/// A follower and the leader whose database is to replace its own; both have applied the same so far.
private final class Pair {
    let leaderScratch = Scratch()
    let followerScratch = Scratch()
    let leader: Keyspace
    let follower: Keyspace
    var leading: Flusher
    var following: Flusher

    init() throws {
        leader = try Keyspace(environment: Environment(path: leaderScratch.database))
        follower = try Keyspace(environment: Environment(path: followerScratch.database))
        leading = Flusher(leader)
        following = Flusher(follower)
    }

    func put(_ key: String, _ value: String) {
        leader.put(key, value)
        follower.put(key, value)
    }

    func replace() throws {
        try drain(leader, &leading)
        try follower.replace(with: copy(of: leader, for: follower), position: 77)
    }

    func values(_ selection: Selection) throws -> [String] {
        try selection.matches.indices.map { index in
            let pair = try #require(Model.Pair(try selection.record(index)))
            return String(decoding: pair.key + [0x3d] + pair.value, as: UTF8.self)
        }
    }
}

@Suite struct ReplaceTests {
    @Test func `a selection made before keeps its view, one made after sees the new state`() throws {
        let pair = try Pair()
        for number in 0..<10 { pair.put("k\(number)", "old") }
        try drain(pair.follower, &pair.following)
        pair.put("k5", "unflushed")
        let reader = pair.follower.makeReader()
        let before = try reader.select(.all)
        defer { before.release() }
        for number in 0..<10 { pair.leader.put("k\(number)", "new") }
        pair.leader.put("l", "new")
        try pair.replace()
        let after = try reader.select(.all)
        defer { after.release() }
        let old = (0..<10).map { $0 == 5 ? "k5=unflushed" : "k\($0)=old" }
        #expect(try pair.values(before) == old)
        #expect(try pair.values(after) == (0..<10).map { "k\($0)=new" } + ["l=new"])
        #expect(pair.follower.currentRevision == pair.leader.currentRevision)
        #expect(pair.follower.memory.keys == 11 && pair.follower.unflushedBytes == 0)
        // The history in between came along.
        let past = try reader.select(KeyRange(key: bytes("k5")), revision: 12)
        defer { past.release() }
        #expect(try pair.values(past) == ["k5=unflushed"])
    }

    @Test func `bounds are those of the new state`() throws {
        let pair = try Pair()
        for number in 0..<10 { pair.put("k", "\(number)") }
        for number in 10..<20 { pair.leader.put("k", "\(number)") }
        try pair.leader.compact(at: 15)
        try pair.replace()
        let reader = pair.follower.makeReader()
        #expect(reader.compactedRevision == 15 && reader.currentRevision == 21)
        #expect(throws: MVCCError.compacted(15)) { try reader.select(.all, revision: 14) }
        #expect(throws: MVCCError.futureRevision) { try reader.select(.all, revision: 22) }
        #expect(try pair.follower.hashKV(revision: 0).hash == pair.leader.hashKV(revision: 0).hash)
    }

    @Test func `writing, flushing, compacting and opening again go on from the new state`() throws {
        let pair = try Pair()
        pair.put("a", "1")
        pair.follower.handOver([BucketChange(.meta, key: bytes("x"), value: bytes("old"))], position: 1)
        for number in 0..<20 { pair.leader.put("k\(number % 3)", "\(number)") }
        pair.leader.handOver([BucketChange(.meta, key: bytes("x"), value: bytes("new"))], position: 2)
        try pair.replace()
        #expect(try pair.following.flush().position == 77)
        pair.put("a", "2")
        try pair.leader.compact(at: 20)
        try pair.follower.compact(at: 20)
        try drain(pair.leader, &pair.leading)
        try drain(pair.follower, &pair.following, position: 78)
        try pair.following.defragment()
        #expect(try pair.follower.hash() == pair.leader.hash())
        #expect(try pair.follower.environment.read().value(.meta, bytes("x")) == bytes("new"))
        let names = try files(in: pair.followerScratch.path)
        #expect(names == ["db", "db-lock", "db.lock"])
    }

    @Test func `a compaction in the middle of the copy is taken up, and who waited for an old one is told`()
        throws
    {
        let pair = try Pair()
        for number in 0..<3000 { pair.put("k", "\(number)") }
        let counter = Counter()
        try pair.follower.compact(at: 1000) { counter.add() }
        pair.follower.handOver([], position: 1)
        _ = try pair.following.flush()
        try pair.follower.compact(at: 1500) { counter.add() }
        try pair.leader.compact(at: 2900)
        pair.leader.handOver([], position: 2)
        _ = try pair.leading.flush()
        try pair.follower.replace(with: copy(of: pair.leader, for: pair.follower), position: 2)
        while try pair.following.flush().hasMore {}
        #expect(counter.value == 2)
        #expect(try pair.follower.environment.read().count(.key) == 102)
        #expect(pair.follower.memory.olderChanges == 101)
    }

    @Test func `a replacement that is dropped leaves nothing behind`() throws {
        let pair = try Pair()
        pair.leader.put("k", "1")
        try drain(pair.leader, &pair.leading)
        _ = try copy(of: pair.leader, for: pair.follower)
        #expect(try files(in: pair.followerScratch.path) == ["db", "db-lock", "db.lock"])
        #expect(pair.follower.currentRevision == 1)
    }

    private func files(in directory: String) throws -> [String] {
        let stream = try #require(unsafe opendir(directory))
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

@Suite struct WatchReplaceTests {
    /// Replaces the stage's state by that of a leader which has done the same and then `more`.
    private func replace(_ stage: Stage, _ past: (Keyspace) -> Void, _ more: (Keyspace) throws -> Void) throws
    {
        let scratch = Scratch()
        let leader = try Keyspace(environment: Environment(path: scratch.database))
        var flusher = Flusher(leader)
        past(leader)
        try more(leader)
        try drain(leader, &flusher)
        try stage.keyspace.replace(with: copy(of: leader, for: stage.keyspace), position: 0)
    }

    private func past(_ keyspace: Keyspace) {
        for number in 1...3 { keyspace.put("k", "\(number)") }
    }

    @Test func `watchers get what they missed once and in order, and then what comes`() throws {
        let stage = try Stage()
        let synced = stage.watch("k")
        past(stage.keyspace)
        try stage.advance()
        let lagging = stage.watch("k", from: 2)
        let future = stage.watch("k", from: 6)
        try replace(stage, past) { leader in for number in 4...6 { leader.put("k", "\(number)") } }
        let late = stage.watch("k")
        try stage.advance()
        stage.keyspace.put("k", "7")
        try stage.advance()
        let all = ["k=1@2", "k=2@3", "k=3@4", "k=4@5", "k=5@6", "k=6@7", "k=7@8"]
        #expect(stage.sink.events(synced) == all)
        #expect(stage.sink.events(lagging) == all)
        #expect(stage.sink.events(future) == Array(all[4...]))
        #expect(stage.sink.events(late) == ["k=7@8"])
        #expect(stage.sink.compacted.isEmpty && stage.hub.laggingCount == 0)
    }

    @Test func `watchers behind the compacted revision are ended, the others read on`() throws {
        let stage = try Stage()
        let synced = stage.watch("k")
        past(stage.keyspace)
        try stage.advance()
        let future = stage.watch("k", from: 7)
        try replace(stage, past) { leader in
            for number in 4...8 { leader.put("k", "\(number)") }
            try leader.compact(at: 7)
        }
        try stage.advance()
        #expect(stage.sink.compacted == [synced: 7])
        #expect(stage.sink.events(synced) == ["k=1@2", "k=2@3", "k=3@4"])
        #expect(stage.sink.events(future) == ["k=6@7", "k=7@8", "k=8@9"])
    }

    @Test func `a watcher that has seen all stays, though the next entries compact what came before`() throws
    {
        let stage = try Stage()
        let synced = stage.watch("k")
        past(stage.keyspace)
        try stage.advance()
        try replace(stage, past) { _ in }
        // Before the hub comes to look.
        for number in 4...8 { stage.keyspace.put("k", "\(number)") }
        try stage.keyspace.compact(at: 8)
        stage.keyspace.handOver([], position: 1)
        for _ in 0..<10 { _ = try stage.flusher.flush() }
        try stage.advance()
        #expect(stage.sink.compacted.isEmpty)
        #expect(
            stage.sink.events(synced)
                == ["k=1@2", "k=2@3", "k=3@4", "k=4@5", "k=5@6", "k=6@7", "k=7@8", "k=8@9"])
    }

    @Test func `a full stream goes on where it was, in the new state`() throws {
        let stage = try Stage()
        let blocked = stage.watch("k")
        past(stage.keyspace)
        stage.sink.full = [blocked]
        try stage.advance()
        try replace(stage, past) { leader in leader.put("k", "4") }
        try stage.advance()
        #expect(stage.sink.events(blocked).isEmpty)
        stage.sink.full = []
        stage.hub.resume(blocked)
        try stage.advance()
        #expect(stage.sink.events(blocked) == ["k=1@2", "k=2@3", "k=3@4", "k=4@5"])
    }
}
