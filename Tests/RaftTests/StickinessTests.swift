import Testing

@testable import Raft

/// Thesis §4.2.3, §6.2, §9.6: pre-vote, check-quorum and leader stickiness.
@Suite struct StickinessTests {
    @Test func `a pre-vote changes neither term nor vote of anybody`() {
        var cluster = Cluster.running(voters: 3)
        cluster.isolate(3)
        cluster.campaign(1)
        cluster.arrive(cluster.network.removeFirst())
        #expect((1...2).map { cluster.term($0) } == [0, 0])
        #expect(cluster.node(2).vote == nil)
        #expect(cluster.sites.allSatisfy { $0.writing.isEmpty })
    }

    @Test func `a returning member does not disturb a living leader`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(3)
        cluster.pass(60)
        cluster.heal()
        cluster.pass(5)
        #expect(cluster.leaders == [1])
        #expect(cluster.term(1) == 1)
        #expect(cluster.node(3).leader == MemberID(1))
    }

    @Test func `a member that hears from its leader answers no candidate`() {
        var cluster = Cluster.led(voters: 3)
        cluster.hand(
            .vote(last: EntryID(term: Term(9), index: LogIndex(9)), isTransfer: false), from: 3, to: 2,
            term: 9)
        cluster.hand(.preVote(last: EntryID(term: Term(9), index: LogIndex(9))), from: 3, to: 2, term: 9)
        cluster.hand(
            .vote(last: EntryID(term: Term(9), index: LogIndex(9)), isTransfer: false), from: 3, to: 1,
            term: 9)
        #expect(cluster.underWay(2, 3).isEmpty)
        #expect(cluster.term(2) == 1)
        #expect(cluster.role(1) == .leader)
    }

    @Test func `after an election period of silence it does`() {
        var cluster = Cluster.led(voters: 3)
        cluster.tick(2, 10)
        cluster.network = []
        let last = EntryID(term: Term(9), index: LogIndex(9))
        if cluster.role(2) == .preCandidate { cluster.network = [] }
        cluster.hand(.preVote(last: last), from: 3, to: 2, term: 9)
        #expect(cluster.underWay(2, 3) == [.preVoteResponse(isGranted: true)])
    }

    @Test func `a leader without a quorum steps down and keeps its term`() {
        var cluster = Cluster.led(voters: 5)
        for id in 3...5 as ClosedRange<UInt64> { cluster.isolate(id) }
        cluster.pass(20)
        #expect(cluster.role(1) != .leader)
        #expect(cluster.term(1) == 1)
    }

    @Test func `a leader with a bare quorum stays`() {
        var cluster = Cluster.led(voters: 5)
        for id in 4...5 as ClosedRange<UInt64> { cluster.isolate(id) }
        cluster.pass(50)
        #expect(cluster.leaders == [1])
    }

    @Test func `learners do not keep a leader in office`() {
        var cluster = Cluster.led(voters: 3, learners: 2)
        cluster.isolate(2)
        cluster.isolate(3)
        cluster.pass(20)
        #expect(cluster.role(1) != .leader)
    }

    @Test func `a heartbeat of an older term is answered with one's own`() {
        var cluster = Cluster.running(logs: [[1, 2, 3], [], []])
        cluster.hand(.heartbeat(commit: LogIndex(0), context: []), from: 2, to: 1, term: 1)
        #expect(cluster.network.map(\.term) == [Term(3)])
        #expect(cluster.underWay(1, 2) == [.appendAccepted(LogIndex(0))])
    }

    @Test func `a member stuck in a later term is let in again by an election`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(3)
        cluster.hand(.vote(last: .zero, isTransfer: true), from: 2, to: 3, term: 7)
        cluster.heal()
        cluster.pass(60)
        #expect(cluster.leaders.count == 1)
        #expect((cluster.leaders.first.map { cluster.term($0) } ?? 0) > 7)
        #expect(cluster.node(3).leader?.rawValue == cluster.leaders.first)
    }
}
