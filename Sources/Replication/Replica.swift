import Raft

/// One member's deciding half: a Raft node, and around it what a server adds to Raft: proposals that
/// wait for a leader, reads asked for again, backpressure, when to take a snapshot, when to forget old
/// entries.
///
/// Pure: one way in (`handle`), one way out (`Effects`). Time is a tick, completion an event.
/// Every effect that ends later is answered by exactly one event: a write by `persisted`, a configuration
/// change by `configurationDecided`, committed entries and restores by `applied`, `snapshotWanted` by
/// `snapshotted` or `snapshotFailed`, a snapshot message by `snapshotSent`.
///
/// Invariants:
/// 1. Each tag of a proposal is either refused in one effect or left to the log, never both; one that
///    was forwarded or appended may still be lost with its leader.
/// 2. Each read token comes out once, as readable or dropped.
/// 3. Each committed entry comes out once per boot, in order, durable.
package struct Replica: Sendable {
    private var node: Node
    private let settings: Settings
    private var backlog: ProposalBacklog
    private var reading: ReadBatches
    private var snapshots: SnapshotPolicy
    private var lastStatus: Node.Status?
    private var ticks: UInt64 = 0

    package init(_ settings: Settings, start: Node.Start) throws(Node.StartError) {
        node = try Node(settings.node, start: start)
        self.settings = settings
        backlog = ProposalBacklog(limits: settings.limits)
        // Ids of read rounds must not repeat across boots, as an old answer would be stale.
        reading = ReadBatches(seed: ~settings.node.seed, limits: settings.limits)
        snapshots = SnapshotPolicy(
            limits: settings.limits, last: settings.lastSnapshot, snapshotCount: settings.snapshotCount)
    }

    /// Takes one event; effects are added to what `effects` holds already.
    package mutating func handle(_ event: consuming Event, into effects: inout Effects) {
        switch consume event {
        case .tick: tick(into: &effects)
        case .campaign: node.campaign(into: &effects.node)
        case .propose(let entries): propose(entries, into: &effects)
        case .proposeWhileLeading(let term, let entries):
            proposeWhileLeading(term, entries, into: &effects)
        case .proposeConfigurationChange(let tag, let proposal): propose(proposal, tag: tag, into: &effects)
        case .readIndex(let token): reading.ask(token, refused: &effects.droppedReads)
        case .message(let message): step(message, into: &effects)
        case .persisted(let sequence): node.persisted(sequence, into: &effects.node)
        case .applied(let index): node.applied(index, into: &effects.node)
        case .configurationDecided(let index, let change):
            node.configurationDecided(index, change, into: &effects.node)
        case .transferLeadership(let member): node.transferLeadership(to: member, into: &effects.node)
        case .unreachable(let member): node.unreachable(member, into: &effects.node)
        case .snapshotSent(let member, let hasArrived):
            node.snapshotSent(to: member, hasArrived: hasArrived, into: &effects.node)
        case .snapshotted(let id): snapshots.taken(id.index)
        case .snapshotFailed: snapshots.failed(at: ticks)
        case .snapshotDemanded: snapshots.demand()
        case .advanceElection(let ticks): node.advanceElection(by: ticks)
        }
        settle(into: &effects)
    }

    /// `applied(index)` where another event follows at once: what it has changed is in that one's effects.
    package mutating func applied(_ index: LogIndex) { node.applied(index) }

    /// Raft's picture of this member, for status calls.
    package var status: Node.Status { node.status }
    package var configuration: ConfigurationState { node.configuration }
    /// What a leader knows of each member.
    package var progress: [Node.MemberProgress] { node.progress }

    package func checkInvariants() { node.checkInvariants() }

    private mutating func tick(into effects: inout Effects) {
        ticks += 1
        node.tick(into: &effects.node)
        backlog.expire(at: ticks, refused: &effects.refused)
        reading.expire(at: ticks, dropped: &effects.droppedReads)
    }

    private mutating func propose(_ entries: [ProposedEntry], into effects: inout Effects) {
        precondition(!entries.isEmpty)
        let status = node.status
        if status.committed - status.applied > settings.limits.applyGapMax {
            return effects.refuse(entries, .tooManyRequests)
        }
        if status.leader == nil || status.transferee != nil {
            return backlog.add(entries, at: ticks, refused: &effects.refused)
        }
        offer(entries, into: &effects)
    }

    /// What another member proposes to a leader that hands its office on, or has done so, goes to the next
    /// one: nobody would tell that member, and its client would wait until it gives up.
    private mutating func step(_ message: Message, into effects: inout Effects) {
        let status = node.status
        if case .proposal(let data) = message.payload, status.role != .leader || status.transferee != nil {
            return backlog.add(forwarded: data, at: ticks)
        }
        node.step(message, into: &effects.node)
    }

    /// 1. A leader's clock finds a lease expired, and its revoke is on the way here.
    /// 2. Meanwhile another member is elected, and the holder renews the lease there.
    /// 3. Handed on, as other proposals are, the revoke would end a lease that was just renewed.
    private mutating func proposeWhileLeading(
        _ term: Term, _ entries: [ProposedEntry], into effects: inout Effects
    ) {
        guard node.status.role == .leader, node.status.term == term else {
            return effects.refuse(entries, .dropped(.noLeader))
        }
        propose(entries, into: &effects)
    }

    private mutating func offer(_ entries: [ProposedEntry], into effects: inout Effects) {
        let outcome = node.propose(count: entries.count, data: { entries[$0].data }, into: &effects.node)
        if case .dropped(let drop) = outcome { effects.refuse(entries, .dropped(drop)) }
    }

    private mutating func propose(_ change: ConfigurationProposal, tag: UInt64, into effects: inout Effects) {
        if case .dropped(let drop) = node.propose(change, into: &effects.node) {
            effects.refused.append(Refusal(tag: tag, reason: .dropped(drop)))
        }
    }

    /// What every event may have made possible.
    private mutating func settle(into effects: inout Effects) {
        if let restore = effects.node.restore { snapshots.received(restore.id.index) }
        let status = node.status
        if status.leader != nil, status.transferee == nil, !backlog.isEmpty {
            for batch in backlog.take() {
                if batch.isForwarded {
                    _ = node.propose(
                        count: batch.entries.count, data: { batch.entries[$0].data }, into: &effects.node)
                } else {
                    offer(batch.entries, into: &effects)
                }
            }
        }
        readOn(status, into: &effects)
        if snapshots.isDue(applied: status.applied, at: ticks) {
            effects.snapshotWanted = status.applied
        }
        forgetOldEntries(status)
        let newest = node.status
        if let lastStatus, lastStatus == newest { return }
        lastStatus = newest
        effects.status = newest
    }

    /// Starts the next batch of reads when none is out, again when the last was lost.
    private mutating func readOn(_ status: Node.Status, into effects: inout Effects) {
        reading.receive(&effects.node.readable, dropped: &effects.node.droppedReads, into: &effects.readable)
        guard let leader = status.leader,
            let token = reading.nextRound(leader: .init(leader: leader, term: status.term), at: ticks)
        else { return }
        node.readIndex(token, into: &effects.node)
        reading.receive(&effects.node.readable, dropped: &effects.node.droppedReads, into: &effects.readable)
    }

    private mutating func forgetOldEntries(_ status: Node.Status) {
        let kept = UInt64(settings.limits.catchUpEntries)
        let held = status.applied.rawValue - min(status.applied.rawValue, status.first.rawValue)
        guard held >= kept + settings.limits.compactionStride else { return }
        // 1. A follower is sent a snapshot at index i; that takes a minute.
        // 2. Meanwhile the entries after i are forgotten.
        // 3. It has installed the snapshot, lacks the next entry, and needs another snapshot.
        let isSending = status.role == .leader && node.isSendingSnapshot
        if isSending, held < settings.limits.heldEntriesMax { return }
        node.compact(through: LogIndex(status.applied.rawValue - kept))
    }
}
