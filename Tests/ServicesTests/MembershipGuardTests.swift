import HTTP
import Net
import Raft
import Store
import Testing

@testable import Services

/// --strict-reconfig-check (spec/peer.md 9): a change that could cost the cluster its quorum is refused.
@Suite struct MembershipGuardTests {
    private static let now = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// Voters 1... of which the first `started` have a name; those in `heard` are heard for that long.
    private func guardian(
        voters: Int, started: Int, heard: [UInt64: Duration] = [:], learners: [UInt64] = [],
        isStrict: Bool = true
    ) -> MembershipGuard {
        var members = (1...UInt64(voters)).map { id in
            ClusterMember(id: MemberID(id), peerURLs: ["http://m\(id):1"], name: id <= started ? "m" : "")
        }
        members += learners.map {
            ClusterMember(id: MemberID($0), peerURLs: ["http://m\($0):1"], isLearner: true, name: "l")
        }
        let active = heard.map { (MemberID($0.key), Self.now + (.zero - $0.value)) }
        return MembershipGuard(
            members: members, local: MemberID(1), isStrict: isStrict,
            active: Dictionary(uniqueKeysWithValues: active), now: Self.now)
    }

    @Test func `a voter is added to a cluster of which a quorum is heard for five seconds`() {
        let healthy = guardian(voters: 3, started: 3, heard: [2: .seconds(5), 3: .seconds(9)])
        #expect(healthy.refusalOfAdding(learner: false) == nil)
        let fresh = guardian(voters: 3, started: 3, heard: [2: .milliseconds(4999)])
        #expect(fresh.refusalOfAdding(learner: false) == .unhealthyCluster)
        #expect(fresh.refusalOfAdding(learner: true) == .unhealthyCluster)
        #expect(guardian(voters: 3, started: 3, isStrict: false).refusalOfAdding(learner: false) == nil)
    }

    @Test func `a voter is not added while another has not started`() {
        let two = guardian(voters: 2, started: 1, heard: [2: .seconds(60)])
        #expect(two.refusalOfAdding(learner: false) == GRPCStatus(.notEnoughStartedMembers))
        #expect(two.refusalOfAdding(learner: true) == nil)
        #expect(guardian(voters: 1, started: 1).refusalOfAdding(learner: false) == nil)
    }

    @Test func `a voter goes only if the rest still works`() {
        let three = guardian(voters: 3, started: 3, heard: [2: .seconds(60), 3: .seconds(60)])
        #expect(three.refusalOfRemoving(MemberID(3)) == nil)
        // The one that is down may go, one that is needed may not.
        let limping = guardian(voters: 3, started: 3, heard: [2: .seconds(60)])
        #expect(limping.refusalOfRemoving(MemberID(3)) == nil)
        #expect(limping.refusalOfRemoving(MemberID(2)) == .unhealthyCluster)
        let unstarted = guardian(voters: 3, started: 2, heard: [2: .seconds(60)])
        #expect(unstarted.refusalOfRemoving(MemberID(2)) == GRPCStatus(.notEnoughStartedMembers))
        #expect(unstarted.refusalOfRemoving(MemberID(3)) == nil)
    }

    @Test func `a learner is promoted when it has nine tenths of the log`() {
        let healthy = guardian(voters: 1, started: 1, learners: [9])
        func refusal(_ match: UInt64) -> LeaderAnswer.Failure? {
            healthy.refusalOfPromoting(
                MemberID(9), progress: [MemberID(1): LogIndex(1000), MemberID(9): LogIndex(match)])
        }
        #expect(refusal(900) == nil)
        #expect(refusal(899) == .learnerNotReady)
        #expect(refusal(0) == .learnerNotReady)
        #expect(healthy.refusalOfPromoting(MemberID(1), progress: [:]) == .memberNotLearner)
        #expect(healthy.refusalOfPromoting(MemberID(5), progress: [:]) == .memberNotFound)
    }
}
