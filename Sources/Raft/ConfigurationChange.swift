/// A change of the membership as the log carries it: raftpb.ConfChange (one step) or ConfChangeV2.
///
/// No steps and `.auto`: leave the joint configuration (an empty ConfChangeV2).
package struct ConfigurationChange: Equatable, Sendable {
    /// Raw values are raftpb.ConfChangeType's.
    package enum Kind: UInt64, Sendable {
        /// Makes a voter, also of a learner.
        case addNode = 0
        case removeNode = 1
        /// New URLs only; nothing changes for raft.
        case updateNode = 2
        /// Makes a learner, also of a voter.
        case addLearnerNode = 3
    }

    /// Raw values are raftpb.ConfChangeTransition's.
    package enum Transition: UInt64, Sendable {
        /// Simple when one step is enough, else joint and left by itself.
        case auto = 0
        /// Joint, left by itself.
        case jointImplicit = 1
        /// Joint, left by a further, empty change.
        case jointExplicit = 2
    }

    package struct Step: Equatable, Sendable {
        package var kind: Kind
        package var member: MemberID

        package init(_ kind: Kind, _ member: MemberID) {
            self.kind = kind
            self.member = member
        }
    }

    package var transition: Transition
    package var steps: [Step]

    package init(transition: Transition = .auto, steps: [Step]) {
        self.transition = transition
        self.steps = steps
    }

    /// A change of one member, the only form etcd proposes.
    package init(_ kind: Kind, _ member: MemberID) {
        self.init(steps: [Step(kind, member)])
    }

    /// Ends a joint configuration.
    package static let leaveJoint = ConfigurationChange(steps: [])

    /// True when the change leads into a joint configuration.
    var entersJoint: Bool { transition != .auto || steps.count > 1 }
    var leavesJoint: Bool { transition == .auto && steps.isEmpty }
}

/// Why a change does not fit the configuration it meets; every member finds the same, so it is skipped alike.
package enum ConfigurationChangeError: Error, Equatable {
    case alreadyJoint
    case notJoint
    case noVoterLeft
    /// A simple change may move one voter only, so that old and new majorities overlap (Raft thesis §4.1).
    case tooManyVotersChanged
}

extension ConfigurationState {
    package var isJoint: Bool { !votersOutgoing.isEmpty }

    package func isVoter(_ member: MemberID) -> Bool {
        voters.contains(member) || votersOutgoing.contains(member)
    }

    package func isLearner(_ member: MemberID) -> Bool { learners.contains(member) }

    /// True when `member` decides alone.
    func isSoleVoter(_ member: MemberID) -> Bool { voters.count == 1 && voters[0] == member && !isJoint }

    /// Every member once, ascending.
    package var members: [MemberID] {
        var all = voters
        for member in votersOutgoing + learners + learnersNext { all.insertOnce(member) }
        return all
    }

    /// The configuration after `change` (Raft thesis §4.1 simple, §4.3 joint).
    package func applying(
        _ change: ConfigurationChange
    ) throws(ConfigurationChangeError) -> ConfigurationState {
        if change.leavesJoint { return try leavingJoint() }
        if isJoint { throw .alreadyJoint }
        var next = self
        if change.entersJoint {
            if voters.isEmpty { throw .noVoterLeft }
            next.votersOutgoing = voters
            next.autoLeave = change.transition != .jointExplicit
        }
        for step in change.steps where step.member.rawValue != 0 { next.take(step) }
        if next.voters.isEmpty { throw .noVoterLeft }
        if !change.entersJoint, next.votersMoved(from: self) > 1 { throw .tooManyVotersChanged }
        return next
    }

    private func leavingJoint() throws(ConfigurationChangeError) -> ConfigurationState {
        guard isJoint else { throw .notJoint }
        var next = self
        for member in learnersNext { next.learners.insertOnce(member) }
        next.learnersNext = []
        next.votersOutgoing = []
        next.autoLeave = false
        return next
    }

    private mutating func take(_ step: ConfigurationChange.Step) {
        switch step.kind {
        case .updateNode:
            break
        case .addNode:
            forget(step.member)
            voters.insertOnce(step.member)
        case .removeNode:
            forget(step.member)
        case .addLearnerNode:
            forget(step.member)
            // 1. B is a voter of the old majority and a learner of the new one.
            // 2. As a learner now, it would have to count and not to count at once.
            // So it becomes one when the joint configuration is left.
            if votersOutgoing.contains(step.member) {
                learnersNext.insertOnce(step.member)
            } else {
                learners.insertOnce(step.member)
            }
        }
    }

    private mutating func forget(_ member: MemberID) {
        voters.removeAll { $0 == member }
        learners.removeAll { $0 == member }
        learnersNext.removeAll { $0 == member }
    }

    private func votersMoved(from old: ConfigurationState) -> Int {
        let added = voters.count { !old.voters.contains($0) }
        let removed = old.voters.count { !voters.contains($0) }
        return added + removed
    }

    /// Lists ascending, no learner votes, nothing joint left over outside a joint configuration.
    func checkInvariants() {
        for list in [voters, learners, votersOutgoing, learnersNext] {
            invariant(zip(list, list.dropFirst()).allSatisfy(<), "members not ascending")
        }
        invariant(learners.allSatisfy { !isVoter($0) }, "a learner votes")
        invariant(
            learnersNext.allSatisfy { votersOutgoing.contains($0) }, "learnersNext outside the old majority")
        invariant(isJoint || (learnersNext.isEmpty && !autoLeave), "leftovers of a joint configuration")
    }
}

extension [MemberID] {
    /// Keeps an ascending list ascending.
    mutating func insertOnce(_ member: MemberID) {
        let place = firstIndex { $0 >= member } ?? endIndex
        if place == endIndex || self[place] != member { insert(member, at: place) }
    }
}
