import Testing

@testable import Raft

/// Thesis §6.4: reads without writing to the log. The checker of every cluster compares each answer with
/// what was committed when the read began.
@Suite struct ReadingTests {
    @Test func `a read is answered after a quorum has confirmed the leader`() {
        var cluster = Cluster.led(voters: 3)
        cluster.propose(1, "a")
        cluster.deliver()
        cluster.read(1, token: 1)
        #expect(cluster.sites[0].readable.isEmpty)
        cluster.deliver()
        #expect(cluster.sites[0].readable == [ReadState(token: 1, index: LogIndex(2))])
    }

    @Test func `a member alone answers at once, with learners beside it too`() {
        for learners in 0...2 {
            var cluster = Cluster.led(voters: 1, learners: learners)
            cluster.read(1, token: 1)
            #expect(cluster.sites[0].readable == [ReadState(token: 1, index: LogIndex(1))])
        }
    }

    @Test func `reads of one round share its heartbeats`() {
        var cluster = Cluster.led(voters: 3)
        cluster.read(1, token: 0)
        for token in 1...50 as ClosedRange<UInt64> { cluster.read(1, token: token) }
        cluster.trace = []
        cluster.deliver()
        #expect(cluster.sites[0].readable.map(\.token) == Array(0...50))
        #expect(cluster.trace?.count { $0.contains("heartbeat") } == 4)
    }

    @Test func `an answer to an earlier round does not confirm a later one`() {
        var cluster = Cluster.led(voters: 3)
        cluster.read(1, token: 1)
        let old = cluster.network.map(\.payload)
        cluster.deliver()
        cluster.cut(1, 2)
        cluster.cut(1, 3)
        cluster.read(1, token: 2)
        cluster.deliver()
        guard case .heartbeat(_, let context) = old[0] else {
            Issue.record("no heartbeat")
            return
        }
        cluster.hand(.heartbeatResponse(context: context), from: 2, to: 1, term: 1)
        #expect(cluster.sites[0].readable.map(\.token) == [1])
    }

    @Test func `a lost round is repeated by the next heartbeat`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(1)
        cluster.read(1, token: 1)
        cluster.deliver()
        cluster.heal()
        cluster.tick(1)
        cluster.deliver()
        #expect(cluster.sites[0].readable.map(\.token) == [1])
    }

    @Test func `contexts of others are echoed as they are and confirm nothing`() {
        var cluster = Cluster.led(voters: 3)
        let strange: [UInt8] = [9, 9, 9]
        cluster.hand(.heartbeat(commit: LogIndex(1), context: strange), from: 1, to: 2, term: 1)
        #expect(cluster.underWay(2, 1) == [.heartbeatResponse(context: strange)])
        cluster.isolate(1)
        cluster.read(1, token: 1)
        cluster.hand(.heartbeatResponse(context: strange), from: 2, to: 1, term: 1)
        let later = [UInt8](repeating: 0xFF, count: 8)
        cluster.hand(.heartbeatResponse(context: later), from: 2, to: 1, term: 1)
        #expect(cluster.sites[0].readable.isEmpty)
    }

    @Test func `a leader that steps down drops its reads`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(1)
        cluster.read(1, token: 1)
        cluster.tick(1, 20)
        #expect(cluster.role(1) == .follower)
        #expect(cluster.sites[0].droppedReads == [1])
    }

    @Test func `a follower without a leader drops reads`() {
        var cluster = Cluster.running(voters: 3)
        cluster.read(2, token: 1)
        #expect(cluster.sites[1].droppedReads == [1])
    }

    @Test func `a learner reads through the leader`() {
        var cluster = Cluster.led(voters: 2, learners: 1)
        cluster.read(3, token: 4)
        cluster.deliver()
        #expect(cluster.sites[2].readable == [ReadState(token: 4, index: LogIndex(1))])
    }

    @Test func `reads beyond the limit are dropped`() {
        var cluster = Cluster(voters: 3)
        cluster.limits.waitingReadsMax = 2
        cluster.start()
        cluster.elect(1)
        for token in 1...3 as ClosedRange<UInt64> { cluster.read(1, token: token) }
        cluster.deliver()
        #expect(cluster.sites[0].droppedReads == [3])
        #expect(cluster.sites[0].readable.map(\.token) == [1, 2])
    }

    @Test func `removing voters confirms reads that wait for them`() {
        var cluster = Cluster.led(voters: 2)
        cluster.change(1, ConfigurationChange(.removeNode, MemberID(2)))
        cluster.sites[0].isApplyHeld = true
        cluster.deliver()
        cluster.isolate(2)
        cluster.read(1, token: 1)
        cluster.deliver()
        #expect(cluster.sites[0].readable.isEmpty)
        cluster.sites[0].isApplyHeld = false
        cluster.deliver()
        #expect(cluster.sites[0].readable.map(\.token) == [1])
    }
}
