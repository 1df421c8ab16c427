import HTTP
import Net
import Raft
import Store

/// What a member checks before it proposes a change of the membership, so that a healthy cluster is not
/// talked out of its quorum (--strict-reconfig-check, peer.md 9).
package struct MembershipGuard {
    private let members: [ClusterMember]
    private let local: MemberID
    private let isStrict: Bool
    private let active: [MemberID: MonotonicTime]
    private let now: MonotonicTime

    /// A link younger than this is not relied on.
    private static let settledAfter: Duration = .seconds(5)
    /// A learner is in sync when it has this share of what the leader has, in tenths.
    private static let readyTenths: UInt64 = 9

    /// `active`: since when each other member is heard.
    package init(
        members: [ClusterMember], local: MemberID, isStrict: Bool, active: [MemberID: MonotonicTime],
        now: MonotonicTime
    ) {
        self.members = members
        self.local = local
        self.isStrict = isStrict
        self.active = active
        self.now = now
    }

    init(_ context: ServicesContext, now: MonotonicTime) {
        self.init(
            members: context.membership.members, local: context.member,
            isStrict: context.limits.strictReconfigCheck, active: context.engine.activePeers, now: now)
    }

    private var voters: [ClusterMember] { members.filter { !$0.isLearner } }

    func refusalOfAdding(learner: Bool) -> GRPCStatus? {
        guard isStrict else { return nil }
        if !learner, !hasQuorum(started: startedVoters, of: voters.count + 1) {
            // One started voter may be joined by a second one, or a single member could never grow.
            let growsFromOne = startedVoters == 1 && voters.count == 1
            if !growsFromOne { return GRPCStatus(.notEnoughStartedMembers) }
        }
        return isConnectedToQuorum ? nil : .unhealthyCluster
    }

    func refusalOfRemoving(_ id: MemberID) -> GRPCStatus? {
        guard isStrict else { return nil }
        if members.contains(where: { $0.id == id && $0.isLearner }) { return nil }
        let rest = voters.filter { $0.id != id }
        if !hasQuorum(started: rest.count(where: \.isStarted), of: rest.count) {
            return GRPCStatus(.notEnoughStartedMembers)
        }
        // A voter that is down is no part of the quorum that works: it may go.
        if id != local, !isSettled(id) { return nil }
        let activeVoters = voters.count { isSettled($0.id) }
        return activeVoters - 1 >= rest.count / 2 + 1 ? nil : .unhealthyCluster
    }

    /// On the leader; `progress`: up to where each member's log equals the leader's.
    package func refusalOfPromoting(
        _ id: MemberID, progress: [MemberID: LogIndex]
    ) -> LeaderAnswer.Failure? {
        guard let member = members.first(where: { $0.id == id }) else { return .memberNotFound }
        guard member.isLearner else { return .memberNotLearner }
        let (own, other) = (progress[local]?.rawValue ?? 0, progress[id]?.rawValue ?? 0)
        if other == 0 || other * 10 < own * Self.readyTenths { return .learnerNotReady }
        if isStrict, !hasQuorum(started: startedVoters + (member.isStarted ? 1 : 0), of: voters.count + 1) {
            return .other(GRPCStatus(.notEnoughStartedMembers).message)
        }
        return nil
    }

    private var startedVoters: Int { voters.count(where: \.isStarted) }

    private var isConnectedToQuorum: Bool {
        hasQuorum(started: voters.count { isSettled($0.id) }, of: voters.count)
    }

    private func isSettled(_ id: MemberID) -> Bool {
        if id == local { return true }
        return active[id].map { now - $0 >= Self.settledAfter } ?? false
    }

    private func hasQuorum(started: Int, of count: Int) -> Bool { started >= count / 2 + 1 }
}
