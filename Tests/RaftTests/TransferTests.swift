import Testing

@testable import Raft

/// Thesis §3.10: handing leadership over.
@Suite struct TransferTests {
    @Test func `an up-to-date member leads within one election`() {
        var cluster = Cluster.led(voters: 3)
        cluster.transfer(1, to: 3)
        cluster.deliver()
        #expect(cluster.leaders == [3])
        #expect(cluster.term(1) == 2)
    }

    @Test func `a follower hands the wish to its leader`() {
        var cluster = Cluster.led(voters: 3)
        cluster.transfer(2, to: 2)
        cluster.deliver()
        #expect(cluster.leaders == [2])
    }

    @Test func `stickiness does not stop the target`() {
        var cluster = Cluster.led(voters: 3)
        cluster.pass(1)
        cluster.transfer(1, to: 2)
        cluster.deliver()
        #expect(cluster.node(3).leader == MemberID(2))
    }

    @Test func `proposals are dropped while a transfer is under way and taken after it failed`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(2)
        cluster.transfer(1, to: 2)
        #expect(cluster.propose(1, "a") == .dropped(.transferInProgress))
        #expect(cluster.node(1).status.transferee == MemberID(2))
        cluster.pass(10)
        #expect(cluster.propose(1, "a") == .appended)
    }

    @Test func `a learner, a stranger and the leader itself are no targets`() {
        var cluster = Cluster.led(voters: 2, learners: 1)
        for target in [1, 3, 9] as [UInt64] {
            cluster.transfer(1, to: target)
            #expect(cluster.node(1).status.transferee == nil)
        }
    }

    @Test func `another target replaces the first`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(2)
        cluster.transfer(1, to: 2)
        cluster.transfer(1, to: 3)
        cluster.deliver()
        #expect(cluster.leaders == [3])
    }

    @Test func `a transfer to a removed member is given up`() {
        var cluster = Cluster.led(voters: 3)
        cluster.sites[0].isApplyHeld = true
        cluster.change(1, ConfigurationChange(.removeNode, MemberID(3)))
        cluster.deliver()
        cluster.isolate(3)
        cluster.transfer(1, to: 3)
        cluster.sites[0].isApplyHeld = false
        cluster.deliver()
        #expect(cluster.node(1).status.transferee == nil)
        #expect(cluster.propose(1, "a") == .appended)
    }

    @Test func `a learner told to campaign does not`() {
        var cluster = Cluster.led(voters: 2, learners: 1)
        cluster.hand(.timeoutNow, from: 1, to: 3, term: 1)
        #expect(cluster.role(3) == .follower)
        #expect(cluster.term(3) == 1)
    }
}
