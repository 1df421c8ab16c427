import Testing

@testable import Raft

/// Thesis chapter 4: changing who takes part.
@Suite struct MembershipTests {
    private func state(
        _ voters: [UInt64], learners: [UInt64] = [], outgoing: [UInt64] = [], next: [UInt64] = []
    ) -> ConfigurationState {
        ConfigurationState(
            voters: voters.map { MemberID($0) }, learners: learners.map { MemberID($0) },
            votersOutgoing: outgoing.map { MemberID($0) }, learnersNext: next.map { MemberID($0) })
    }

    @Test func `simple changes make voters and learners and remove them`() throws {
        var now = state([1, 2])
        now = try now.applying(ConfigurationChange(.addNode, MemberID(3)))
        #expect(now == state([1, 2, 3]))
        now = try now.applying(ConfigurationChange(.addLearnerNode, MemberID(4)))
        #expect(now == state([1, 2, 3], learners: [4]))
        now = try now.applying(ConfigurationChange(.addNode, MemberID(4)))
        #expect(now == state([1, 2, 3, 4]))
        now = try now.applying(ConfigurationChange(.addLearnerNode, MemberID(1)))
        #expect(now == state([2, 3, 4], learners: [1]))
        now = try now.applying(ConfigurationChange(.removeNode, MemberID(1)))
        now = try now.applying(ConfigurationChange(.updateNode, MemberID(2)))
        now = try now.applying(ConfigurationChange(.addNode, MemberID(0)))
        #expect(now == state([2, 3, 4]))
    }

    @Test func `changes that make no sense are refused`() {
        #expect(throws: ConfigurationChangeError.noVoterLeft) {
            try state([1]).applying(ConfigurationChange(.removeNode, MemberID(1)))
        }
        #expect(throws: ConfigurationChangeError.notJoint) { try state([1]).applying(.leaveJoint) }
        #expect(throws: ConfigurationChangeError.alreadyJoint) {
            try state([1], outgoing: [1, 2]).applying(ConfigurationChange(.addNode, MemberID(3)))
        }
    }

    @Test func `every change keeps two successive majorities overlapping`() throws {
        var chance = SeededGenerator(seed: 5)
        let kinds: [ConfigurationChange.Kind] = [.addNode, .removeNode, .updateNode, .addLearnerNode]
        var now = state([1, 2, 3])
        var taken = 0
        for _ in 0..<4000 {
            let steps = (0..<(1 + chance.below(3))).map { _ in
                ConfigurationChange.Step(kinds[Int(chance.below(4))], MemberID(1 + chance.below(6)))
            }
            let change = chance.below(3) == 0 ? .leaveJoint : ConfigurationChange(steps: steps)
            guard let next = try? now.applying(change) else { continue }
            next.checkInvariants()
            taken += 1
            for chosen in 0..<64 {
                func wins(_ state: ConfigurationState, _ set: Int) -> Bool {
                    Quorum.tally(state) { set >> Int($0.rawValue - 1) & 1 == 1 } == .won
                }
                if wins(now, chosen) { #expect(!wins(next, ~chosen)) }
            }
            now = next
        }
        #expect(taken > 500)
    }

    @Test func `a change takes effect when it is applied`() {
        var cluster = Cluster.led(voters: 3)
        cluster.sites[0].isApplyHeld = true
        cluster.change(1, ConfigurationChange(.removeNode, MemberID(3)))
        cluster.deliver()
        #expect(cluster.node(1).configuration.voters.count == 3)
        #expect(cluster.node(2).configuration.voters.count == 2)
        cluster.sites[0].isApplyHeld = false
        cluster.deliver()
        #expect(cluster.node(1).configuration.voters.count == 2)
    }

    @Test func `one change at a time, also across a change of leader`() {
        var cluster = Cluster.led(voters: 3)
        cluster.sites[0].isApplyHeld = true
        let add = ConfigurationChange(.addLearnerNode, MemberID(4))
        #expect(cluster.change(1, add) == .appended)
        cluster.deliver()
        #expect(cluster.change(1, add) == .dropped(.changePending))
        cluster.sites[1].isApplyHeld = true
        cluster.propose(1, "a")
        cluster.deliver()
        cluster.transfer(1, to: 3)
        cluster.deliver()
        #expect(cluster.leaders == [3])
        #expect(cluster.change(3, add) == .appended)
    }

    @Test func `a new leader takes no change until it has applied what it inherited`() {
        var cluster = Cluster.led(voters: 3)
        cluster.sites[1].isApplyHeld = true
        cluster.propose(1, "a")
        cluster.deliver()
        cluster.transfer(1, to: 2)
        cluster.deliver()
        #expect(cluster.leaders == [2])
        let add = ConfigurationChange(.addLearnerNode, MemberID(4))
        #expect(cluster.change(2, add) == .dropped(.changePending))
        cluster.sites[1].isApplyHeld = false
        cluster.deliver()
        #expect(cluster.change(2, add) == .appended)
    }

    @Test func `removing a silent voter lets waiting entries commit`() {
        var cluster = Cluster.led(voters: 4)
        cluster.isolate(4)
        cluster.change(1, ConfigurationChange(.removeNode, MemberID(4)))
        cluster.deliver()
        cluster.isolate(3)
        cluster.propose(1, "a")
        cluster.deliver()
        #expect(cluster.committed(1) == 3)
    }

    @Test func `a learner counts neither for commit nor in elections and does not campaign`() {
        var cluster = Cluster.led(voters: 1, learners: 2)
        cluster.isolate(2)
        cluster.isolate(3)
        cluster.propose(1, "a")
        cluster.deliver()
        #expect(cluster.committed(1) == 2)
        cluster.tick(2, 40)
        #expect(cluster.role(2) == .follower)
    }

    @Test func `a joint configuration that leaves by itself does so under a new leader too`() {
        var cluster = Cluster.led(voters: 3)
        let change = ConfigurationChange(steps: [
            .init(.removeNode, MemberID(3)), .init(.addLearnerNode, MemberID(2)),
        ])
        cluster.sites[0].isApplyHeld = true
        cluster.change(1, change)
        cluster.deliver()
        #expect(cluster.node(2).configuration.isJoint)
        cluster.isolate(1)
        cluster.sites[0].crash()
        cluster.pass(30)
        cluster.heal()
        cluster.start(1)
        cluster.sites[0].isApplyHeld = false
        cluster.pass(40)
        for site in cluster.sites where site.id.rawValue < 3 {
            #expect(site.node?.configuration == state([1], learners: [2]))
        }
    }

    @Test func `a refused change is passed over`() {
        var cluster = Cluster.led(voters: 1)
        cluster.change(1, ConfigurationChange(.addLearnerNode, MemberID(2)))
        let hasWritten = cluster.persist(1)
        #expect(hasWritten)
        cluster.sites[0].applying = []
        cluster.call(1) { $0.configurationDecided(LogIndex(2), nil, into: &$1) }
        #expect(cluster.node(1).configuration == state([1]))
        cluster.propose(1, "a")
        cluster.deliver()
        #expect(cluster.sites[0].applied == LogIndex(3))
    }
}
