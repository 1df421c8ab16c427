import HTTP
import Raft
import Store

/// What a member checks before it proposes a change of the membership, so that a healthy cluster is not
/// talked out of its quorum (--strict-reconfig-check, api.md 15).
struct MembershipGuard {
    private let members: [ClusterMember]
    private let local: MemberID
    private let isStrict: Bool

    init(_ context: ServicesContext) {
        members = context.membership.members
        local = context.member
        isStrict = context.limits.strictReconfigCheck
    }

    private var voters: [ClusterMember] { members.filter { !$0.isLearner } }

    /// This member has no links to others, so it alone counts as connected.
    private var isFullyConnected: Bool { members.allSatisfy { $0.id == local } }

    func refusalOfAdding(learner: Bool) -> GRPCStatus? {
        guard isStrict else { return nil }
        if !learner, !hasQuorum(started: startedVoters, of: voters.count + 1) {
            // One started voter may be joined by a second one, or a single member could never grow.
            let growsFromOne = startedVoters == 1 && voters.count == 1
            if !growsFromOne { return GRPCStatus(.notEnoughStartedMembers) }
        }
        return isFullyConnected ? nil : .unhealthyCluster
    }

    func refusalOfRemoving(_ id: MemberID) -> GRPCStatus? {
        guard isStrict else { return nil }
        if members.contains(where: { $0.id == id && $0.isLearner }) { return nil }
        let rest = voters.filter { $0.id != id }
        if !hasQuorum(started: rest.count(where: \.isStarted), of: rest.count) {
            return GRPCStatus(.notEnoughStartedMembers)
        }
        // A voter that is down is no part of the quorum that works: it may go.
        if id != local { return nil }
        return isFullyConnected ? nil : .unhealthyCluster
    }

    func refusalOfPromoting(_ id: MemberID) -> GRPCStatus? {
        guard let member = members.first(where: { $0.id == id }) else {
            return GRPCStatus(.memberNotFound)
        }
        guard member.isLearner else { return GRPCStatus(.memberNotLearner) }
        // No link to it, so it has received nothing.
        return .learnerNotReady
    }

    private var startedVoters: Int { voters.count(where: \.isStarted) }

    private func hasQuorum(started: Int, of count: Int) -> Bool { started >= count / 2 + 1 }
}
