import Net
import Raft
import Replication
import Services
import Store

/// What decides: every event goes through the replica, and its effects to those who act.
///
/// A member that is alone in its cluster has nobody to send heartbeats to: this worker then owns the log and
/// writes it itself, and what arrives meanwhile is the next batch. Handing each write to a second thread and
/// back would cost a lone client two more thread changes per request. Once there is another member the log
/// goes to the journal thread, for good; one write is then in flight at a time and the next piles up in the
/// effects. Either way the batch grows with the load and the disk's time, and nothing has to be tuned.
struct ReplicaWorker: ~Copyable {
    private var replica: Replica
    /// Nil once the journal thread has it.
    private var journaler: Journaler?
    private let localID: MemberID
    private let lessor: Lessor
    private let switchboard: Switchboard
    private let status: MemberStatus
    private var effects = Replica.Effects()
    private var isWriting = false
    private var applied = LogIndex(0)
    private var isLeading = false
    /// Snapshots that a file is being found for, by their receiver.
    private var snapshotsAsked: [MemberID: Message] = [:]
    /// What a turn works off, kept for its storage.
    private var batch: [ReplicaInput] = []
    /// Nanoseconds a write and sync of the log takes, the mean of the last few.
    private var writeTime: Int64 = 0
    /// On while `ShortPath` sees to the apply thread's work itself.
    private var keepsDecided = false
    /// What is kept then, in its order.
    private(set) var decided: [ApplyInput] = []
    private(set) var isStopping = false

    init(
        replica: Replica, journaler: consuming Journaler, localID: MemberID, lessor: Lessor,
        switchboard: Switchboard, status: MemberStatus
    ) {
        self.replica = replica
        self.journaler = consume journaler
        self.localID = localID
        self.lessor = lessor
        self.switchboard = switchboard
        self.status = status
    }

    /// Before the first turn.
    mutating func begin() {
        handOverLogIfNotAlone()
        publishStatus(replica.status)
        // Nobody can be disturbed by the election of a member that decides alone, so it does not wait.
        if journaler != nil { replica.handle(.campaign, into: &effects) }
        act()
    }

    /// Time passes in the replica; its effects are the next turn's.
    mutating func tick() {
        replica.handle(.tick, into: &effects)
        // Nobody asks how far others are where there are none.
        if isLeading, journaler == nil { status.publish(replica.progress) }
    }

    /// Works off the mailbox.
    mutating func turn() {
        switchboard.replica.drain(into: &batch)
        if let index = newlyApplied() { replica.handle(.applied(index), into: &effects) }
        for input in batch { take(input) }
        batch.removeAll(keepingCapacity: true)
        act()
    }

    /// A turn for these alone, which stand in no mailbox. What is decided stays in `decided`: the caller
    /// applies it or has it handed over before the next turn.
    mutating func turn(for proposals: [ProposedEntry]) {
        precondition(decided.isEmpty, "what was decided is applied before more is")
        if let index = newlyApplied() { replica.applied(index) }
        keepsDecided = true
        replica.handle(.propose(proposals), into: &effects)
        act()
        keepsDecided = false
    }

    /// What was decided is applied.
    mutating func forgetDecided() { decided.removeAll(keepingCapacity: true) }

    /// What was decided goes to the apply thread after all.
    mutating func handOverDecided() {
        for input in decided { switchboard.deliver(input, to: switchboard.apply) }
        forgetDecided()
    }

    /// Whether a turn for one small request is likely over soon: nobody has to agree, and the disk was fast
    /// of late. The next sync may still take long, and the end of a segment takes a few milliseconds.
    var isBrisk: Bool { journaler != nil && !isStopping && writeTime < briskWrite }

    /// Nanoseconds far above what an SSD takes, and far below what a waiting client notices.
    var briskWrite: Int64 = 1_000_000

    /// The log is closed, if this worker still had it.
    mutating func end() {
        if let journaler = journaler.take() { journaler.close() }
    }

    /// The apply thread publishes how far it is, and rings only now and then.
    private mutating func newlyApplied() -> LogIndex? {
        let index = status.appliedIndex
        guard index > applied else { return nil }
        applied = index
        return index
    }

    private mutating func take(_ input: ReplicaInput) {
        switch input {
        case .proposals(let entries): replica.handle(.propose(entries), into: &effects)
        case .event(let event):
            if case .persisted = event { isWriting = false }
            replica.handle(event, into: &effects)
        case .messages(let messages):
            for message in messages { replica.handle(.message(message), into: &effects) }
        case .snapshotForPeer(let answer): take(answer)
        case .record(let metadata):
            if journaler != nil {
                journaler?.record(metadata)
            } else {
                switchboard.deliver(.snapshot(metadata), to: switchboard.journal)
            }
        case .stop: isStopping = true
        }
    }

    /// Hands every effect to its thread. The status goes first: whoever reads it must not see this member
    /// lead after a message that gave the leadership away has left.
    private mutating func act() {
        publishNews()
        if !effects.refused.isEmpty {
            for refusal in effects.refused { answer(refusal) }
            effects.refused.removeAll(keepingCapacity: true)
        }
        sendMessages()
        handOn()
        write()
        if let index = effects.snapshotWanted {
            switchboard.deliver(.wanted(index), to: switchboard.snapshot)
            effects.snapshotWanted = nil
        }
    }

    /// What is decided goes to the apply thread.
    private mutating func handOn() {
        // Whoever applies the first entry of a term must find this member leading it.
        publishNews()
        if let metadata = effects.node.restore {
            tellApply(.restore(metadata))
            effects.node.restore = nil
        }
        if !effects.node.committed.isEmpty {
            tellApply(.committed(effects.node.committed))
            effects.node.committed.removeAll(keepingCapacity: true)
        }
        if !effects.readable.isEmpty {
            tellApply(.readable(effects.readable))
            effects.readable.removeAll(keepingCapacity: true)
        }
        if !effects.droppedReads.isEmpty {
            for token in effects.droppedReads { switchboard.tell(waiterOf: token, .readsDropped([token])) }
            effects.droppedReads.removeAll(keepingCapacity: true)
        }
        if !effects.node.configurations.isEmpty {
            handOverLogIfNotAlone()
            publishStatus(replica.status)
            effects.node.configurations.removeAll(keepingCapacity: true)
        }
    }

    private mutating func tellApply(_ input: ApplyInput) {
        if keepsDecided { decided.append(input) } else { switchboard.deliver(input, to: switchboard.apply) }
    }

    /// Writes the log, or has it written.
    private mutating func write() {
        if journaler == nil { return startWrite() }
        while !effects.node.write.isEmpty {
            let sequence = effects.node.write.sequence
            let began = MonotonicTime.now()
            journaler?.save(effects.node.write)
            if effects.node.write.mustSync {
                writeTime += (MonotonicTime.now().nanoseconds - began.nanoseconds - writeTime) / 8
            }
            effects.node.write.removeAll()
            replica.handle(.persisted(sequence), into: &effects)
            handOn()
        }
    }

    private mutating func handOverLogIfNotAlone() {
        guard replica.configuration.members.contains(where: { $0 != localID }) else { return }
        guard let journaler = journaler.take() else { return }
        switchboard.deliver(.adopt(Handover(journaler)), to: switchboard.journal)
    }

    private mutating func startWrite() {
        guard !isWriting, !effects.node.write.isEmpty else { return }
        isWriting = effects.node.write.mustSync
        switchboard.deliver(.write(effects.node.write), to: switchboard.journal)
        effects.node.write.removeAll()
    }

    /// Messages leave at once, beside the write: those that reveal what is not durable yet, the node
    /// still keeps. A snapshot goes by way of the thread that makes its file.
    private mutating func sendMessages() {
        if effects.node.messages.isEmpty { return }
        var messages = effects.node.messages
        effects.node.messages.removeAll(keepingCapacity: true)
        for message in messages where message.isSnapshot {
            snapshotsAsked[message.to] = message
            // Anything the log goes on from will do.
            let first = LogIndex(replica.status.first.rawValue - 1)
            switchboard.deliver(.wantedForPeer(message.to, atLeast: first), to: switchboard.snapshot)
        }
        messages.removeAll(where: \.isSnapshot)
        if messages.isEmpty || switchboard.peers.push(.send(messages)) { return }
        for member in Set(messages.map(\.to)).sorted() {
            replica.handle(.unreachable(member), into: &effects)
        }
    }

    /// The message goes out under the term it was made in: this member may lead no more.
    private mutating func take(_ answer: PeerSnapshot) {
        switch answer {
        case .ready(let member, let path, let metadata):
            guard var message = snapshotsAsked.removeValue(forKey: member) else { return }
            message.payload = .snapshot(metadata)
            if !switchboard.peers.push(.sendSnapshot(message, path: path)) { snapshotFailed(for: member) }
        case .failed(let member):
            snapshotsAsked[member] = nil
            snapshotFailed(for: member)
        }
    }

    private mutating func snapshotFailed(for member: MemberID) {
        replica.handle(.snapshotSent(to: member, hasArrived: false), into: &effects)
        switchboard.deliver(.sent(to: member), to: switchboard.snapshot)
    }

    private mutating func publishNews() {
        guard let status = effects.status else { return }
        publishStatus(status)
        effects.status = nil
    }

    private mutating func publishStatus(_ now: Node.Status) {
        if status.publish(now) { switchboard.tellLoops(.leaderChanged) }
        // After the status: the apply thread makes the lessor primary and then looks at it again.
        if isLeading, now.role != .leader { lessor.demote() }
        isLeading = now.role == .leader
    }

    private func answer(_ refusal: Refusal) {
        let reason: DropReason =
            switch refusal.reason {
            case .tooManyRequests: .tooManyRequests
            case .dropped: .dropped
            }
        switchboard.tell(waiterOf: refusal.tag, .dropped([refusal.tag], reason))
    }
}

extension Message {
    fileprivate var isSnapshot: Bool {
        if case .snapshot = payload { true } else { false }
    }
}
