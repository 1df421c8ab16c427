import Testing

@testable import Raft

/// Raft §7, thesis chapter 5: members that are behind the log.
@Suite struct SnapshotTests {
    /// Member 3 is cut off while three entries are committed and forgotten.
    private func lagging() -> Cluster {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(3)
        for text in ["a", "b", "c"] { cluster.propose(1, text) }
        cluster.deliver()
        cluster.compact(1)
        return cluster
    }

    @Test func `a member behind the log is sent a snapshot and goes on from there`() {
        var cluster = lagging()
        cluster.heal()
        cluster.pass(2)
        #expect(cluster.sites[2].applied == LogIndex(4))
        #expect(cluster.sites[2].disk.snapshot.id == EntryID(term: Term(1), index: LogIndex(4)))
        cluster.propose(1, "d")
        cluster.deliver()
        #expect(cluster.texts(3) == ["d"])
    }

    @Test func `a silent member is sent none`() {
        var cluster = lagging()
        cluster.tick(1, 10)
        cluster.network = []
        cluster.tick(1, 9)
        #expect(!cluster.network.contains { if case .snapshot = $0.payload { true } else { false } })
    }

    @Test func `a member that installs a snapshot is sent nothing else`() {
        var cluster = lagging()
        cluster.heal()
        cluster.tick(1)
        cluster.deliver(until: { if case .snapshot = $0.payload { true } else { false } })
        cluster.network = []
        cluster.propose(1, "d")
        #expect(cluster.underWay(1, 3).isEmpty)
        #expect(cluster.node(1).isSendingSnapshot)
    }

    @Test func `a restore comes out only when its write is durable, and is acknowledged then`() {
        var cluster = lagging()
        cluster.heal()
        cluster.tick(1)
        cluster.sites[2].isDiskHeld = true
        cluster.deliver()
        #expect(cluster.sites[2].writing.last?.snapshot?.id.index == LogIndex(4))
        #expect(cluster.sites[2].restoring == nil)
        #expect(cluster.underWay(3, 1).isEmpty)
        cluster.sites[2].isDiskHeld = false
        cluster.sites[2].isApplyHeld = true
        cluster.deliver()
        #expect(cluster.sites[2].restoring?.id.index == LogIndex(4))
        #expect(cluster.node(1).progress[2].match == LogIndex(4))
    }

    @Test func `a member whose snapshot is not installed does not campaign`() {
        var cluster = lagging()
        cluster.heal()
        cluster.sites[2].isApplyHeld = true
        cluster.pass(2)
        cluster.isolate(3)
        cluster.tick(3, 40)
        #expect(cluster.role(3) == .follower)
        cluster.sites[2].isApplyHeld = false
        cluster.deliver()
        cluster.tick(3, 20)
        #expect(cluster.role(3) == .preCandidate)
    }

    @Test func `entries after a snapshot come out after its restore`() {
        var cluster = lagging()
        cluster.heal()
        cluster.sites[2].isApplyHeld = true
        cluster.pass(2)
        cluster.propose(1, "d")
        cluster.deliver()
        #expect(cluster.sites[2].restoring != nil)
        #expect(cluster.sites[2].applying.map(\.index) == [LogIndex(5)])
    }

    @Test func `a snapshot of what the log has only moves the commit index`() {
        var cluster = Cluster.running(logs: [[1, 1], [1, 1], [1, 1]])
        let metadata = SnapshotMetadata(
            id: EntryID(term: Term(1), index: LogIndex(2)), configuration: cluster.node(1).configuration)
        cluster.hand(.snapshot(metadata), from: 2, to: 1, term: 2)
        #expect(cluster.committed(1) == 2)
        #expect(cluster.terms(1) == [1, 1])
        while cluster.persist(1) {}
        #expect(cluster.sites[0].restoring == nil)
    }

    @Test func `a snapshot below the commit index is answered with it`() {
        var cluster = Cluster.led(voters: 2)
        for text in ["a", "b"] { cluster.propose(1, text) }
        cluster.deliver()
        let metadata = SnapshotMetadata(
            id: EntryID(term: Term(1), index: LogIndex(2)), configuration: cluster.node(1).configuration)
        cluster.hand(.snapshot(metadata), from: 1, to: 2, term: 1)
        #expect(cluster.underWay(2, 1) == [.appendAccepted(LogIndex(3))])
    }

    @Test func `a snapshot of a configuration without this member is ignored`() {
        var cluster = Cluster.running(voters: 3)
        let metadata = SnapshotMetadata(
            id: EntryID(term: Term(1), index: LogIndex(8)),
            configuration: ConfigurationState(voters: [MemberID(2), MemberID(3)]))
        cluster.hand(.snapshot(metadata), from: 2, to: 1, term: 1)
        #expect(cluster.committed(1) == 0)
    }

    @Test func `a snapshot replaces a log that conflicts with it`() {
        var cluster = Cluster.running(logs: [[1, 1, 1, 1], [], []])
        let metadata = SnapshotMetadata(
            id: EntryID(term: Term(2), index: LogIndex(3)), configuration: cluster.node(1).configuration)
        cluster.hand(.snapshot(metadata), from: 2, to: 1, term: 2)
        #expect(cluster.terms(1).isEmpty)
        #expect(cluster.node(1).log.last == LogIndex(3))
        while cluster.persist(1) {}
        #expect(cluster.sites[0].disk.entries.isEmpty)
    }
}
