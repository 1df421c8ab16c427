import Raft
import Testing

@testable import Replication

/// Spec config.md 10: when snapshots are taken and old entries forgotten.
@Suite struct SnapshotPolicyTests {
    @Test func `a snapshot is wanted once, after more than snapshot-count applied entries`() throws {
        var sole = try SoleReplica.elected(snapshotCount: 10)
        sole.propose(1...8)
        while sole.persist() || sole.apply() {}
        #expect(sole.snapshotsWanted.isEmpty)
        sole.propose(9...9)
        while sole.persist() || sole.apply() {}
        #expect(sole.snapshotsWanted == [LogIndex(11)])
        sole.propose(10...40)
        while sole.persist() || sole.apply() {}
        #expect(sole.snapshotsWanted.count == 1)
        sole.handle(.snapshotted(EntryID(term: Term(2), index: LogIndex(11))))
        #expect(sole.snapshotsWanted.count == 2)
    }

    @Test func `a failed snapshot is tried again after a while`() throws {
        var limits = Replica.Limits()
        limits.snapshotRetryTicks = 3
        var sole = try SoleReplica.elected(snapshotCount: 5, limits: limits)
        sole.propose(1...9)
        while sole.persist() || sole.apply() {}
        sole.handle(.snapshotFailed)
        sole.run(.tick)
        sole.run(.tick)
        #expect(sole.snapshotsWanted.count == 1)
        sole.run(.tick)
        #expect(sole.snapshotsWanted.count == 2)
    }

    @Test func `a snapshot can be demanded, but not of nothing new`() throws {
        var sole = try SoleReplica.elected()
        sole.handle(.snapshotDemanded)
        #expect(sole.snapshotsWanted == [LogIndex(2)])
        sole.handle(.snapshotted(EntryID(term: Term(2), index: LogIndex(2))))
        sole.handle(.snapshotDemanded)
        #expect(sole.snapshotsWanted.count == 1)
    }

    @Test func `the log in memory keeps the catch-up entries and little more`() throws {
        var limits = Replica.Limits()
        limits.catchUpEntries = 20
        limits.compactionStride = 10
        var sole = try SoleReplica.elected(limits: limits)
        for round in 0..<20 as Range<UInt64> {
            sole.propose(round * 10...round * 10 + 9)
            while sole.persist() || sole.apply() {}
            let status = sole.replica.status
            #expect(status.last.rawValue - status.first.rawValue + 1 <= 30)
        }
        #expect(sole.replica.status.applied == LogIndex(202))
        #expect(sole.replica.status.first > LogIndex(170))
    }

    @Test func `entries stay while a snapshot is being sent, within bounds`() throws {
        var limits = Replica.Limits()
        limits.catchUpEntries = 5
        limits.compactionStride = 1
        limits.heldEntriesMax = 40
        let third = MemberID(3)
        let start = EntryID(term: Term(1), index: LogIndex(50))
        var pair = try Pair(limits: limits, others: [Pair.other, third], snapshot: start)
        pair.handle(.campaign)
        pair.hear(.preVoteResponse(isGranted: true), term: 2)
        pair.hear(.voteResponse(isGranted: true), term: 2)
        func propose(_ count: Int) {
            for _ in 0..<count { pair.handle(.propose([ProposedEntry(tag: 1, data: [])])) }
            pair.hear(.appendAccepted(pair.replica.status.last), term: 2)
        }
        propose(9)
        #expect(pair.replica.status.first == LogIndex(56))
        pair.hear(.appendRejected(rejected: LogIndex(50), hint: .zero), from: third, term: 2)
        #expect(pair.replica.progress[2].isInstallingSnapshot)
        propose(20)
        #expect(pair.replica.status.first == LogIndex(56))
        propose(20)
        #expect(pair.replica.status.first == LogIndex(96))
    }
}
