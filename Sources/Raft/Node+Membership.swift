extension Node {
    /// The state machine has reached the configuration change at `index` and says what it means for raft;
    /// nil when it refused the change. Counts as `applied(index)`.
    package mutating func configurationDecided(
        _ index: LogIndex, _ change: ConfigurationChange?, into effects: inout Effects
    ) {
        // One that was handed out before a received snapshot overtook it is answered in vain.
        if applying.undecided == index {
            applying.undecided = nil
            var next = roster.configuration
            var refusal: ConfigurationChangeError?
            if let change {
                do throws(ConfigurationChangeError) {
                    next = try next.applying(change)
                } catch {
                    refusal = error
                }
            }
            takeConfiguration(next, at: index, refusal: refusal)
            markApplied(index)
        }
        settle(into: &effects)
    }

    mutating func takeConfiguration(
        _ configuration: ConfigurationState, at index: LogIndex, refusal: ConfigurationChangeError?
    ) {
        applying.taken.append(
            ConfigurationTaken(index: index, configuration: configuration, refusal: refusal))
        if configuration == roster.configuration { return }
        let wasSole = isSoleVoter
        roster.change(to: configuration, next: log.last + 1)
        if isSoleVoter != wasSole {
            clock.redraw(electionTicks: settings.electionTicks, isAlone: isSoleVoter)
        }
        guard role == .leader else { return }
        if let transferee = office.transferee, !configuration.isVoter(transferee) { office.transferee = nil }
        // A leader that was removed goes on until its server stops it: until then somebody must lead
        // (spec/raft.md 5, thesis §4.2.2).
        if let place = roster.place(of: settings.id) { _ = roster[place].acknowledge(log.persisted) }
        // A smaller quorum may have what the larger one lacked.
        advanceCommit()
        confirmReads()
        broadcastAppends()
        probeNewMembers()
    }

    private mutating func probeNewMembers() {
        for place in roster.progress.indices where roster[place].id != settings.id {
            _ = sendAppend(at: place, allowsEmpty: false)
        }
    }

    /// A joint configuration that leaves by itself does so once its entry is applied by the leader.
    mutating func leaveJointByItself() {
        guard roster.configuration.isJoint, roster.configuration.autoLeave,
            office.pendingConfigurationIndex <= log.applied
        else { return }
        append(data: [], kind: .configurationChangeV2)
        office.pendingConfigurationIndex = log.last
        broadcastAppends()
    }
}

extension Node {
    /// A picture for metrics, status calls and promotion checks.
    package struct Status: Equatable, Sendable {
        package var term: Term
        package var role: Role
        package var leader: MemberID?
        package var committed: LogIndex
        package var applied: LogIndex
        package var transferee: MemberID?
        /// This member decides alone.
        package var isSoleVoter: Bool
        /// The oldest and the newest entry in memory; `first` is one above `last` when there is none.
        package var first: LogIndex
        package var last: LogIndex
    }

    /// Brings `status` up to date; kept as a stored property because reading it must not copy a node
    /// (616 bytes and their reference counts, seen as memcpy in a profile of single proposals).
    mutating func refreshStatus() {
        status = Status(
            term: term, role: role, leader: leader, committed: log.committed, applied: log.applied,
            transferee: office.transferee, isSoleVoter: isSoleVoter, first: log.first, last: log.last)
    }

    package var configuration: ConfigurationState { roster.configuration }

    /// What a leader knows of a member.
    package struct MemberProgress: Equatable, Sendable {
        package var id: MemberID
        package var match: LogIndex
        package var isRecentlyActive: Bool
        package var isInstallingSnapshot: Bool
    }

    /// Every member ascending; meaningful on a leader only.
    package var progress: [MemberProgress] {
        roster.progress.map {
            MemberProgress(
                id: $0.id, match: $0.match, isRecentlyActive: $0.isRecentlyActive || $0.id == settings.id,
                isInstallingSnapshot: $0.isInstallingSnapshot)
        }
    }

    /// The O(n) invariants, for tests and simulation.
    package func checkInvariants() {
        log.checkInvariants(isRestoring: applying.restore != nil)
        roster.checkInvariants()
        invariant(role != .leader || leader == settings.id, "a leader that follows")
        invariant(role != .candidate || vote == settings.id, "a candidate without its own vote")
        invariant(saved.term <= term, "term fell")
    }
}

extension Node {
    /// True on a leader while a follower is sent a snapshot.
    package var isSendingSnapshot: Bool { roster.progress.contains { $0.isInstallingSnapshot } }
}
