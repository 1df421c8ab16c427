import Testing

@testable import Raft

/// Raft paper §5.2, thesis §3.4: elections.
@Suite struct ElectionTests {
    @Test func `a candidate with a majority of votes leads and appends an empty entry`() {
        var cluster = Cluster.running(voters: 3)
        cluster.elect(2)
        #expect(cluster.leaders == [2])
        #expect(cluster.term(1) == 1)
        #expect(cluster.terms(1) == [1])
        #expect(cluster.committed(2) == 1)
    }

    @Test func `a silent cluster elects one leader by timeouts alone`() {
        var cluster = Cluster.running(voters: 5)
        cluster.pass(40)
        #expect(cluster.leaders.count == 1)
    }

    @Test func `timeouts lie between one and two election periods and differ`() {
        var clock = ElectionClock(seed: 3)
        var seen: Set<UInt64> = []
        for _ in 0..<500 {
            clock.redraw(electionTicks: 10, isAlone: false)
            seen.insert(clock.timeout)
        }
        #expect(seen == Set(10...19))
    }

    @Test func `a member votes for one candidate per term`() {
        var cluster = Cluster.running(voters: 3)
        cluster.hand(.vote(last: .zero, isTransfer: false), from: 2, to: 1, term: 1)
        cluster.hand(.vote(last: .zero, isTransfer: false), from: 3, to: 1, term: 1)
        while cluster.persist(1) {}
        #expect(cluster.underWay(1, 2) == [.voteResponse(isGranted: true)])
        #expect(cluster.underWay(1, 3) == [.voteResponse(isGranted: false)])
    }

    @Test func `a vote leaves only when it is durable`() {
        var cluster = Cluster.running(voters: 3)
        cluster.hand(.vote(last: .zero, isTransfer: false), from: 2, to: 1, term: 1)
        #expect(cluster.network.isEmpty)
        let hasWritten = cluster.persist(1)
        #expect(hasWritten)
        #expect(cluster.underWay(1, 2) == [.voteResponse(isGranted: true)])
    }

    @Test func `a vote survives a crash`() {
        var cluster = Cluster.running(voters: 3)
        cluster.hand(.vote(last: .zero, isTransfer: false), from: 2, to: 1, term: 4)
        while cluster.persist(1) {}
        cluster.sites[0].crash()
        cluster.network = []
        cluster.start(1)
        cluster.hand(.vote(last: .zero, isTransfer: false), from: 3, to: 1, term: 4)
        while cluster.persist(1) {}
        #expect(cluster.underWay(1, 3) == [.voteResponse(isGranted: false)])
    }

    @Test(arguments: [
        (EntryID(term: Term(2), index: LogIndex(1)), true),
        (EntryID(term: Term(1), index: LogIndex(9)), true),
        (EntryID(term: Term(1), index: LogIndex(2)), true),
        (EntryID(term: Term(1), index: LogIndex(1)), false),
        (EntryID(term: Term(0), index: LogIndex(0)), false),
    ])
    func `a vote goes to a log at least as good as one's own`(last: EntryID, isGranted: Bool) {
        var cluster = Cluster.running(logs: [[1, 1], [], []])
        cluster.hand(.vote(last: last, isTransfer: false), from: 2, to: 1, term: 3)
        while cluster.persist(1) {}
        #expect(cluster.underWay(1, 2) == [.voteResponse(isGranted: isGranted)])
    }

    @Test func `a split vote ends with no leader and a later election decides`() {
        var cluster = Cluster.running(voters: 4)
        cluster.isPreVoting = false
        cluster = cluster.restarted()
        cluster.campaign(1)
        cluster.campaign(2)
        cluster.cut(1, 3)
        cluster.cut(2, 4)
        cluster.deliver()
        #expect(cluster.leaders.isEmpty)
        cluster.heal()
        cluster.pass(40)
        #expect(cluster.leaders.count == 1)
    }

    @Test func `a candidate that hears of a leader of its term follows it`() {
        var cluster = Cluster.running(voters: 3)
        cluster.isPreVoting = false
        cluster = cluster.restarted()
        cluster.campaign(1)
        #expect(cluster.role(1) == .candidate)
        cluster.hand(.heartbeat(commit: LogIndex(0), context: []), from: 2, to: 1, term: 1)
        #expect(cluster.role(1) == .follower)
        #expect(cluster.node(1).leader == MemberID(2))
    }

    @Test func `a member alone leads without waiting out a timeout`() {
        var cluster = Cluster.running(voters: 1)
        cluster.tick(1)
        cluster.deliver()
        #expect(cluster.leaders == [1])
        #expect(cluster.committed(1) == 1)
    }

    @Test func `a member alone leads only when its vote is durable`() {
        var cluster = Cluster.running(voters: 1)
        cluster.tick(1)
        #expect(cluster.role(1) == .candidate)
        let hasWritten = cluster.persist(1)
        #expect(hasWritten)
        #expect(cluster.role(1) == .leader)
    }

    @Test func `a committed configuration change that is not applied forbids to campaign`() {
        var cluster = Cluster.led(voters: 3)
        cluster.sites[1].isApplyHeld = true
        cluster.change(1, ConfigurationChange(.addLearnerNode, MemberID(4)))
        cluster.deliver()
        cluster.pass(1)
        cluster.campaign(2)
        #expect(cluster.role(2) == .follower)
        cluster.sites[1].isApplyHeld = false
        cluster.deliver()
        cluster.campaign(2)
        #expect(cluster.role(2) == .preCandidate)
    }
}

extension Cluster {
    /// The same members started anew with the present settings.
    func restarted() -> Cluster {
        var cluster = self
        for place in cluster.sites.indices { cluster.sites[place].crash(finished: Int.max) }
        cluster.network = []
        cluster.start()
        return cluster
    }
}
