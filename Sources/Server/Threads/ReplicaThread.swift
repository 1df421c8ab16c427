import Net
import Raft
import Replication
import Services
import Store

/// The thread that decides: every event goes through the replica, and its effects to those who act.
///
/// A member that is alone in its cluster has nobody to send heartbeats to: this thread then owns the log and
/// writes it itself, and what arrives meanwhile is the next batch. Handing each write to a second thread and
/// back would cost a lone client two more thread changes per request. Once there is another member the log
/// goes to the journal thread, for good; one write is then in flight at a time and the next piles up in the
/// effects. Either way the batch grows with the load and the disk's time, and nothing has to be tuned.
struct ReplicaThread: ~Copyable {
    private var replica: Replica
    /// Nil once the journal thread has it.
    private var journaler: Journaler?
    private let localID: MemberID
    private let lessor: Lessor
    private let switchboard: Switchboard
    private let status: MemberStatus
    private let tickInterval: Duration
    private var effects = Replica.Effects()
    private var isWriting = false
    private var applied = LogIndex(0)
    private var isLeading = false
    /// Snapshots that a file is being found for, by their receiver.
    private var snapshotsAsked: [MemberID: Message] = [:]
    private var isStopping = false

    init(
        replica: Replica, journaler: consuming Journaler, localID: MemberID, lessor: Lessor,
        switchboard: Switchboard, status: MemberStatus, tickInterval: Duration
    ) {
        self.replica = replica
        self.journaler = consume journaler
        self.localID = localID
        self.lessor = lessor
        self.switchboard = switchboard
        self.status = status
        self.tickInterval = tickInterval
    }

    /// Runs until told to stop; returns with the log closed, if this thread still had it.
    consuming func run() {
        var batch: [ReplicaInput] = []
        var nextTick = MonotonicTime.now() + tickInterval
        handOverLogIfNotAlone()
        publishStatus(replica.status)
        // Nobody can be disturbed by the election of a member that decides alone, so it does not wait.
        if journaler != nil { replica.handle(.campaign, into: &effects) }
        act()
        while !isStopping {
            let now = MonotonicTime.now()
            if now >= nextTick {
                // A thread that was held up ticks once: time it did not run must not cause an election.
                nextTick = max(nextTick + tickInterval, now)
                replica.handle(.tick, into: &effects)
                if isLeading { status.publish(replica.progress) }
            } else {
                switchboard.replicaBell.wait(timeout: nextTick - now)
            }
            switchboard.replica.drain(into: &batch)
            noteApplied()
            for input in batch { take(input) }
            batch.removeAll(keepingCapacity: true)
            act()
        }
        if let journaler = journaler.take() { journaler.close() }
    }

    /// The apply thread publishes how far it is, and rings only now and then.
    private mutating func noteApplied() {
        let index = status.appliedIndex
        guard index > applied else { return }
        applied = index
        replica.handle(.applied(index), into: &effects)
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
        for refusal in effects.refused { answer(refusal) }
        effects.refused.removeAll(keepingCapacity: true)
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
            switchboard.deliver(.restore(metadata), to: switchboard.apply)
            effects.node.restore = nil
        }
        if !effects.node.committed.isEmpty {
            switchboard.deliver(.committed(effects.node.committed), to: switchboard.apply)
            effects.node.committed.removeAll(keepingCapacity: true)
        }
        if !effects.readable.isEmpty {
            switchboard.deliver(.readable(effects.readable), to: switchboard.apply)
            effects.readable.removeAll(keepingCapacity: true)
        }
        for token in effects.droppedReads { switchboard.tell(waiterOf: token, .readsDropped([token])) }
        effects.droppedReads.removeAll(keepingCapacity: true)
        if !effects.node.configurations.isEmpty {
            handOverLogIfNotAlone()
            publishStatus(replica.status)
            effects.node.configurations.removeAll(keepingCapacity: true)
        }
    }

    /// Writes the log, or has it written.
    private mutating func write() {
        if journaler == nil { return startWrite() }
        while !effects.node.write.isEmpty {
            let sequence = effects.node.write.sequence
            journaler?.save(effects.node.write)
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
        let configuration = replica.configuration
        let isSoleVoter = configuration.voters == [localID] && !configuration.isJoint
        if status.publish(now, isSoleVoter: isSoleVoter) { switchboard.tellLoops(.leaderChanged) }
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
