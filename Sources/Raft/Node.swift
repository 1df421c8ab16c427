/// One member of a Raft group as a value: calls go in, effects come out, nothing else happens.
///
/// Order of reading: this file (state, time, settling), `Node+Receiving` (the term rules), `Node+Elections`,
/// `Node+Following`, `Node+Leading`, `Node+Replicating`, `Node+Reading`, `Node+Membership`.
///
/// Invariants:
/// 1. No message leaves before the term, vote or entries it reveals are durable (`Outbox`).
/// 2. A vote of one's own and a leader's own match count only when durable.
/// 3. `log` positions as stated there; commit only moves over an entry of the leader's own term by counting.
/// 4. Same calls and seed, same effects: nothing unordered, no clock, no chance but `clock.generator`.
///
/// Source: Ongaro, "Consensus: Bridging Theory and Practice" (2014), cited as thesis; spec/raft.md.
package struct Node: Sendable {
    package enum Role: Sendable {
        case follower, preCandidate, candidate, leader
    }

    package let settings: Settings
    var log: Log
    var term: Term
    var vote: MemberID?
    var role = Role.follower
    var leader: MemberID?
    var clock: ElectionClock
    var roster: Roster
    var outbox = Outbox()
    var office = Office()
    var reads: ReadRounds
    var applying = Applying()
    /// The hard state of the newest write handed out.
    var saved: HardState
    /// As of the end of the last call.
    package internal(set) var status: Status

    package init(_ settings: Settings, start: Start) throws(StartError) {
        let origin = try Origin(start)
        self.settings = settings
        log = origin.log
        term = origin.term
        vote = origin.vote
        saved = origin.saved
        reads = ReadRounds(waitingMax: settings.limits.waitingReadsMax)
        let window = Inflights(
            countMax: settings.limits.inflightMessagesMax, bytesMax: settings.limits.inflightBytesMax)
        roster = Roster(origin.configuration, window: window, next: origin.log.last + 1)
        clock = ElectionClock(seed: settings.seed)
        status = Status(
            term: origin.term, role: .follower, leader: nil, committed: origin.log.committed,
            applied: origin.log.applied, transferee: nil,
            isSoleVoter: origin.configuration.isSoleVoter(settings.id), first: origin.log.first,
            last: origin.log.last)
        clock.redraw(electionTicks: settings.electionTicks, isAlone: isSoleVoter)
        // Nobody can be disturbed by a member that decides alone: it need not wait (spec/raft.md 2).
        if isSoleVoter { clock.sinceContact = settings.electionTicks - 1 }
    }

    /// One tick of the driver's clock has passed.
    package mutating func tick(into effects: inout Effects) {
        clock.sinceContact += 1
        if role == .leader {
            tickLeader()
        } else if clock.sinceContact >= clock.timeout, canCampaign {
            clock.sinceContact = 0
            campaign(settings.isPreVoting ? .preElection : .election)
        }
        // The commit index alone is worth no write of its own: it rides with the next one, or at a tick.
        applying.isCommitWriteDue = true
        settle(into: &effects)
    }

    /// Starts an election now, if this member may.
    package mutating func campaign(into effects: inout Effects) {
        if role != .leader, canCampaign { campaign(settings.isPreVoting ? .preElection : .election) }
        settle(into: &effects)
    }

    /// Counts `ticks` as passed without a leader, for a member that starts beside live ones
    /// (initial-election-tick-advance); at most one less than begins an election.
    package mutating func advanceElection(by ticks: UInt64) {
        precondition(ticks < settings.electionTicks)
        clock.sinceContact = max(clock.sinceContact, ticks)
    }

    /// The write numbered `sequence`, and all before it, are durable.
    package mutating func persisted(_ sequence: WriteSequence, into effects: inout Effects) {
        if let last = outbox.persisted(sequence) {
            log.markPersisted(through: last)
            if role == .leader { acknowledgeOwn() }
        }
        if let metadata = applying.takeRestore(durable: outbox.durable) {
            // Whatever was handed out before and nobody has taken yet is part of the snapshot.
            effects.committed.removeAll(keepingCapacity: true)
            effects.restore = metadata
        }
        for message in outbox.release(into: &effects.messages) { receive(message) }
        settle(into: &effects)
    }

    /// The state machine has taken everything up to `index`.
    package mutating func applied(_ index: LogIndex, into effects: inout Effects) {
        markApplied(index)
        settle(into: &effects)
    }

    /// The same where another event follows at once: what it has changed is in the effects of that one.
    package mutating func applied(_ index: LogIndex) { markApplied(index) }

    /// Forgets entries up to `index`, at most the applied ones; followers further behind get a snapshot.
    package mutating func compact(through index: LogIndex) {
        if applying.restore == nil { log.compact(through: min(index, log.applied)) }
        refreshStatus()
    }

    /// Turns what the call has changed into effects; every call ends with it.
    mutating func settle(into effects: inout Effects) {
        if role == .leader { startReadRound() }
        stageWrite(into: &effects.write)
        outbox.flush(into: &effects.messages)
        emitCommitted(into: &effects.committed)
        reads.drain(readable: &effects.readable, dropped: &effects.droppedReads)
        if !applying.taken.isEmpty {
            effects.configurations.append(contentsOf: applying.taken)
            applying.taken.removeAll(keepingCapacity: true)
        }
        refreshStatus()
    }

    private mutating func stageWrite(into write: inout Write) {
        let hardState = HardState(term: term, vote: vote, commit: log.committed)
        let hasBallot = hardState.term != saved.term || hardState.vote != saved.vote
        let hasLog = log.written < log.last || applying.isRestoreUnwritten
        let hasCommit = applying.isCommitWriteDue && hardState.commit != saved.commit
        applying.isCommitWriteDue = false
        guard hasBallot || hasLog || hasCommit else { return }
        write.sequence = outbox.issue(hasBallot: hasBallot, hasLog: hasLog, last: log.last)
        if let metadata = applying.markRestoreWritten(in: write.sequence) { write.restart(at: metadata) }
        write.append(log.entries(log.written + 1, through: log.last))
        log.markWritten()
        if hardState != saved { write.hardState = hardState }
        saved = hardState
        write.mustSync = write.mustSync || hasBallot || hasLog
    }

    private mutating func emitCommitted(into committed: inout [Entry]) {
        let upper = min(log.committed, log.persisted)
        guard log.emitted < upper, applying.undecided == nil else { return }
        let room = settings.limits.applyingBytesMax - applying.bytes
        let run = log.emittable(through: upper, bytesMax: room, atLeastOne: applying.bytes == 0)
        guard run.last > log.emitted else { return }
        committed.append(contentsOf: log.entries(log.emitted + 1, through: run.last))
        log.markEmitted(through: run.last)
        applying.bytes += run.bytes
        if run.endsAtChange { applying.undecided = run.last }
        office.uncommittedBytes = max(0, office.uncommittedBytes - run.bytes)
    }

    mutating func markApplied(_ index: LogIndex) {
        if let restore = applying.restore {
            // What was handed out before the snapshot is no longer of interest.
            if index < restore.id.index { return }
            applying.restore = nil
        }
        if index <= log.applied { return }
        let from = max(log.applied, log.compacted.index)
        applying.bytes = max(0, applying.bytes - log.bytes(after: from, through: index))
        log.markApplied(through: index)
        if role == .leader { leaveJointByItself() }
    }
}

/// Where elections stand in time, in ticks, and their chance.
struct ElectionClock {
    /// Since the leader was heard of, or, on a leader, since the last quorum check.
    var sinceContact: UInt64 = 0
    var sinceHeartbeat: UInt64 = 0
    /// A new election begins at this; in `electionTicks..<2 * electionTicks`.
    private(set) var timeout: UInt64 = 0
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Draws anew, so that two candidates that split a vote do not do so for ever (Raft §5.2).
    mutating func redraw(electionTicks: UInt64, isAlone: Bool) {
        timeout = isAlone ? electionTicks : electionTicks + generator.below(electionTicks)
    }
}

/// What only a leader remembers; begins anew with every term.
struct Office {
    var transferee: MemberID?
    /// No configuration change is appended while one up to here may be unapplied.
    var pendingConfigurationIndex = LogIndex(0)
    var uncommittedBytes = 0
}

/// What the state machine still owes an answer to.
struct Applying {
    /// The bytes of entries handed out and not applied.
    var bytes = 0
    /// The configuration change that wants a decision before anything after it is handed out.
    var undecided: LogIndex?
    /// A received snapshot until it is installed.
    var restore: SnapshotMetadata?
    var isCommitWriteDue = false
    var taken: [ConfigurationTaken] = []
    private(set) var isRestoreUnwritten = false
    private var restoreWrite: WriteSequence?

    mutating func begin(restore metadata: SnapshotMetadata) {
        restore = metadata
        isRestoreUnwritten = true
        restoreWrite = nil
        bytes = 0
        undecided = nil
    }

    /// The snapshot that this write must carry, once.
    mutating func markRestoreWritten(in sequence: WriteSequence) -> SnapshotMetadata? {
        if !isRestoreUnwritten { return nil }
        isRestoreUnwritten = false
        restoreWrite = sequence
        return restore
    }

    /// The snapshot to install, once, as soon as its write is durable.
    mutating func takeRestore(durable: WriteSequence) -> SnapshotMetadata? {
        guard let write = restoreWrite, write <= durable else { return nil }
        restoreWrite = nil
        return restore
    }
}
