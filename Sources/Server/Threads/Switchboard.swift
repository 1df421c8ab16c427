import Net
import Raft
import Replication
import Services
import Store

/// What arrives at the replica thread.
enum ReplicaInput: Sendable {
    /// The proposals of one pass of one event loop.
    case proposals([ProposedEntry])
    case event(Replica.Event)
    /// From other members, in the order of arrival.
    case messages([Message])
    /// A file for a member that a snapshot was asked for, or none.
    case snapshotForPeer(PeerSnapshot)
    /// The snapshot file of this position is complete: have it recorded in the log.
    case record(SnapshotMetadata)
    case stop
}

/// What arrives at the apply thread, in the order the replica decided it.
enum ApplyInput: Sendable {
    case committed([Entry])
    /// Replace the state by the snapshot file of this position, which the log has recorded.
    case restore(SnapshotMetadata)
    /// Readers whose index is among the entries handed over before.
    case readable([ReadState])
    case stop
}

/// What arrives at the journal thread.
enum JournalInput: Sendable {
    /// The log is this thread's from now on.
    case adopt(Handover<Journaler>)
    case write(Write)
    /// The snapshot file of this position is complete: record it, then release and purge segments.
    case snapshot(SnapshotMetadata)
    case stop
}

/// What arrives at the flush thread besides the passing of time.
enum FlushInput: Sendable {
    /// The snapshot thread wants what is applied by now in the database; `flushed` answers.
    case forSnapshot
    /// The maintenance thread wants the same for a copy of the database; `flushed` answers.
    case forCopy(id: UInt64)
    /// Rewrite the database file; `performed` answers.
    case defragment(id: UInt64)
    case stop
}

/// What arrives at the snapshot thread.
enum SnapshotInput: Sendable {
    /// Write the state at this index or later.
    case wanted(LogIndex)
    /// A member lacks what the log no longer holds: a file at this index or later is wanted for it. Answered
    /// once, by a `PeerSnapshot`.
    case wantedForPeer(MemberID, atLeast: LogIndex)
    /// The file given out for this member is not needed for it any more.
    case sent(to: MemberID)
    /// A file that came from the leader is recorded, and the state is now what it holds.
    case received(SnapshotMetadata)
    /// What was applied when a flush was asked for is in the database.
    case flushed
    /// The journal has recorded the snapshot; older files may go.
    case recorded(SnapshotMetadata)
    case stop
}

/// The answer to a peer's want of a snapshot.
enum PeerSnapshot: Sendable {
    /// This file is complete, recorded, and stays until `SnapshotInput.sent`.
    case ready(MemberID, path: String, SnapshotMetadata)
    /// None could be written.
    case failed(MemberID)
}

/// What arrives at the maintenance thread.
enum MaintenanceInput: Sendable {
    case perform(id: UInt64, MaintenanceOperation)
    /// What was applied when the copy was asked for is in the database.
    case flushed(id: UInt64)
    case stop
}

/// What arrives at the peers thread.
enum PeersInput: Sendable {
    /// For other members; never `.snapshot`.
    case send([Message])
    /// A `.snapshot` message and the file that holds its state; the file may go once `snapshotSent` was said.
    case sendSnapshot(Message, path: String)
    /// The membership has changed.
    case membershipChanged
    /// A request that the leader has to answer, whoever that is; `leaderAnswered` ends it.
    case askLeader(id: UInt64, LeaderErrand)
    case stop
}

/// What an event loop is told by the other threads.
enum LoopInput: Sendable {
    /// One apply batch: answers to this loop's requests, its reads that may go on, and what is visible.
    case applied(AppliedBatch)
    case dropped([UInt64], DropReason)
    case readsDropped([UInt64])
    case performed(UInt64, MaintenanceResult)
    case leaderAnswered(UInt64, LeaderAnswer)
    case worked(UInt64, PasswordResult)
    case compacted(through: Int64)
    case leaderChanged
    /// Open the listeners: the member serves.
    case serve
    /// Take no more calls, finish what is in flight, then end.
    case drain
}

/// What one apply batch means to one loop.
struct AppliedBatch: Sendable {
    var replies: [Reply] = []
    var readable: [UInt64] = []
    /// The current revision, when it moved (or the state was replaced) and the loop has watchers.
    var visible: Int64?
}

/// The mailboxes of all threads: who can be told what.
///
/// Every mailbox is bounded. Proposals are refused at the bound (`too many requests`); everything else is
/// bounded by what was let in before (one write in flight, one answer per request), so that a full
/// mailbox is our bug.
final class Switchboard: Sendable {
    static let proposalsMax = 1 << 16
    static let answersMax = 1 << 20
    /// The loop number under which the server's own requests run (`Housekeeper`).
    static let housekeeper = RequestIDs.loopsMax - 1
    /// The loop number under which the peers thread makes requests.
    static let peersLoop = RequestIDs.loopsMax - 2
    /// Batches of messages to other members; more are dropped, as a network would.
    static let messageBatchesMax = 1 << 14

    let replicaBell: Doorbell
    let applyBell: Doorbell
    let journalBell: Doorbell
    let flushBell: Doorbell
    let snapshotBell: Doorbell
    let maintenanceBell: Doorbell
    /// One for each password thread.
    let passwordBells: [Doorbell]
    let loopBells: [Doorbell]
    let housekeeperBell: Doorbell
    let peersBell: Doorbell

    let replica: Mailbox<ReplicaInput>
    let apply: Mailbox<ApplyInput>
    let journal: Mailbox<JournalInput>
    let flush: Mailbox<FlushInput>
    let snapshot: Mailbox<SnapshotInput>
    let maintenance: Mailbox<MaintenanceInput>
    let passwords: [Mailbox<PasswordInput>]
    let loops: [Mailbox<LoopInput>]
    let housekeeper: Mailbox<LoopInput>
    let peers: Mailbox<PeersInput>
    /// Answers to the peers thread's own requests.
    let peersAnswers: Mailbox<LoopInput>

    init(loopCount: Int, passwordThreads: Int) throws(NetError) {
        precondition((1..<Self.peersLoop).contains(loopCount))
        replicaBell = try Doorbell()
        applyBell = try Doorbell()
        journalBell = try Doorbell()
        flushBell = try Doorbell()
        snapshotBell = try Doorbell()
        maintenanceBell = try Doorbell()
        housekeeperBell = try Doorbell()
        peersBell = try Doorbell()
        var workerBells: [Doorbell] = []
        for _ in 0..<passwordThreads { workerBells.append(try Doorbell()) }
        passwordBells = workerBells
        var bells: [Doorbell] = []
        for _ in 0..<loopCount { bells.append(try Doorbell()) }
        loopBells = bells
        replica = Mailbox(doorbell: replicaBell, capacity: Self.answersMax)
        apply = Mailbox(doorbell: applyBell, capacity: Self.answersMax)
        journal = Mailbox(doorbell: journalBell, capacity: Self.answersMax)
        flush = Mailbox(doorbell: flushBell, capacity: Self.answersMax)
        snapshot = Mailbox(doorbell: snapshotBell, capacity: Self.answersMax)
        maintenance = Mailbox(doorbell: maintenanceBell, capacity: Self.proposalsMax)
        passwords = workerBells.map { Mailbox(doorbell: $0, capacity: Self.proposalsMax) }
        loops = bells.map { Mailbox(doorbell: $0, capacity: Self.answersMax) }
        housekeeper = Mailbox(doorbell: housekeeperBell, capacity: Self.answersMax)
        peers = Mailbox(doorbell: peersBell, capacity: Self.messageBatchesMax)
        peersAnswers = Mailbox(doorbell: peersBell, capacity: Self.answersMax)
    }

    /// The mailbox that waits for answers to requests with this loop number; nil for one nobody has.
    func mailbox(loop: Int) -> Mailbox<LoopInput>? {
        if loop == Self.housekeeper { return housekeeper }
        if loop == Self.peersLoop { return peersAnswers }
        return loop < loops.count ? loops[loop] : nil
    }

    /// Tells the loop that drew `id`.
    func tell(waiterOf id: UInt64, _ input: LoopInput) {
        if let box = mailbox(loop: RequestIDs.loop(of: id)) { deliver(input, to: box) }
    }

    /// Tells every event loop.
    func tellLoops(_ input: LoopInput) {
        for box in loops { deliver(input, to: box) }
    }

    /// Puts in what must not be lost.
    func deliver<Element: Sendable>(_ element: Element, to mailbox: Mailbox<Element>) {
        let isIn = mailbox.push(element)
        precondition(isIn, "a mailbox for bounded answers overflowed")
    }
}
