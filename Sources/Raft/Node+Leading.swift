extension Node {
    mutating func becomeLeader() {
        precondition(role == .candidate)
        reset(to: term)
        role = .leader
        leader = settings.id
        // Any of the entries not known to be applied may be a configuration change.
        office.pendingConfigurationIndex = log.last
        if let place = roster.place(of: settings.id) { _ = roster[place].acknowledge(log.persisted) }
        // Entries of earlier terms are committed by one of this term above them (Raft §5.4.2).
        append(data: [], kind: .normal)
        broadcastAppends()
    }

    mutating func tickLeader() {
        clock.sinceHeartbeat += 1
        if clock.sinceContact >= settings.electionTicks {
            clock.sinceContact = 0
            checkQuorum()
            if role != .leader { return }
            // A transfer that takes longer than an election is given up (thesis §3.10).
            office.transferee = nil
        }
        if clock.sinceHeartbeat >= settings.heartbeatTicks {
            clock.sinceHeartbeat = 0
            reads.nextRoundMayStart()
            broadcastHeartbeats()
        }
    }

    /// Steps down when a quorum was silent for a whole period: it may have elected another (thesis §6.2).
    private mutating func checkQuorum() {
        let own = settings.id
        if roster.tally({ $0.id == own || $0.isRecentlyActive }) != .won {
            return becomeFollower(term: term, leader: nil)
        }
        for place in roster.progress.indices { roster[place].isRecentlyActive = false }
    }

    /// What became of a proposal.
    package enum Proposal: Equatable, Sendable {
        /// In this leader's log.
        case appended
        /// Sent to the leader, who may still drop it.
        case forwarded
        case dropped(ProposalDrop)
    }

    /// Why a proposal did not enter the log.
    package enum ProposalDrop: Equatable, Sendable {
        case noLeader
        /// This leader is no longer a member.
        case removed
        case transferInProgress
        case tooManyUncommitted
        /// An earlier configuration change may be unapplied.
        case changePending
        /// The change does not fit the configuration.
        case changeRefused(ConfigurationChangeError)
    }

    /// Proposes `count` normal entries, taken or dropped as one.
    package mutating func propose(
        count: Int, data: (Int) -> [UInt8], into effects: inout Effects
    ) -> Proposal {
        let outcome: Proposal
        if role == .leader {
            outcome = appendProposal(count: count, data: data)
        } else if let leader {
            send(.proposal((0..<count).map(data)), to: leader, term: Term(0), revealing: .ballot)
            outcome = .forwarded
        } else {
            outcome = .dropped(.noLeader)
        }
        settle(into: &effects)
        return outcome
    }

    /// Proposes one configuration change.
    package mutating func propose(
        _ change: ConfigurationProposal, into effects: inout Effects
    ) -> Proposal {
        let outcome: Proposal
        if role == .leader {
            outcome = appendChange(change)
        } else if let leader {
            send(.configurationProposal(change), to: leader, term: Term(0), revealing: .ballot)
            outcome = .forwarded
        } else {
            outcome = .dropped(.noLeader)
        }
        settle(into: &effects)
        return outcome
    }

    mutating func appendProposal(count: Int, data: (Int) -> [UInt8]) -> Proposal {
        if let drop = proposalDrop { return .dropped(drop) }
        if settings.limits.uncommittedBytesMax != Int.max {
            var bytes = 0
            for offset in 0..<count { bytes += data(offset).count + 32 }
            // A single proposal above the limit must get through some time, or it never would.
            let isOver = office.uncommittedBytes + bytes > settings.limits.uncommittedBytesMax
            if office.uncommittedBytes > 0, isOver { return .dropped(.tooManyUncommitted) }
            office.uncommittedBytes += bytes
        }
        log.reserve(count)
        for offset in 0..<count { append(data: data(offset), kind: .normal) }
        broadcastAppends()
        return .appended
    }

    /// Unlike etcd's raft, which replaces a change that comes too early by an empty entry, this drops it:
    /// the log ends up the same and the proposer is told.
    mutating func appendChange(_ proposal: ConfigurationProposal) -> Proposal {
        if let drop = proposalDrop { return .dropped(drop) }
        if office.pendingConfigurationIndex > log.applied { return .dropped(.changePending) }
        do throws(ConfigurationChangeError) {
            _ = try roster.configuration.applying(proposal.change)
        } catch {
            return .dropped(.changeRefused(error))
        }
        append(data: proposal.data, kind: proposal.kind)
        office.pendingConfigurationIndex = log.last
        broadcastAppends()
        return .appended
    }

    private var proposalDrop: ProposalDrop? {
        if roster.place(of: settings.id) == nil { return .removed }
        return office.transferee == nil ? nil : .transferInProgress
    }

    mutating func append(data: [UInt8], kind: Entry.Kind) {
        log.append(Entry(id: EntryID(term: term, index: log.last + 1), kind: kind, data: data))
    }

    /// The leader's own entries have become durable: they count now.
    mutating func acknowledgeOwn() {
        guard let place = roster.place(of: settings.id) else { return }
        if roster[place].acknowledge(log.persisted) { advanceCommit() }
    }

    /// Commits what a quorum has, if it is of this term (Raft §5.4.2, figure 8).
    mutating func advanceCommit() {
        guard let index = roster.quorumMatch, index > log.committed, log.term(at: index) == term else {
            return
        }
        log.commit(through: index)
        releaseReads()
        broadcastAppends()
    }

    // Leadership transfer (thesis §3.10).

    /// Asks for `member` to lead instead; without a known leader nothing happens.
    package mutating func transferLeadership(to member: MemberID, into effects: inout Effects) {
        if role == .leader {
            beginTransfer(to: member)
        } else if let leader {
            send(.transferLeadership(to: member), to: leader, term: Term(0), revealing: .ballot)
        }
        settle(into: &effects)
    }

    mutating func beginTransfer(to member: MemberID) {
        guard member != settings.id, roster.configuration.isVoter(member), office.transferee != member,
            let place = roster.place(of: member)
        else { return }
        office.transferee = member
        clock.sinceContact = 0
        if roster[place].match == log.last {
            send(.timeoutNow, to: member, revealing: .ballot)
        } else {
            _ = sendAppend(at: place, allowsEmpty: false)
        }
    }
}
