import Journal
import MVCC
import Net
import Raft
import Replication
import Services
import Store

/// What applies: committed entries become state, answers and visible revisions.
///
/// All that one turn applied goes to each loop it concerns as one message, after the state it speaks of can
/// be read. How far it is stands in `MemberStatus`; configuration decisions go to the replica at once.
struct ApplyWorker: ~Copyable {
    private let machine: StateMachine
    private let lessor: Lessor
    private let localID: MemberID
    private let switchboard: Switchboard
    private let status: MemberStatus
    private let flushing: FlushDemand
    private let electionTimeout: Duration
    private let fatal: FatalError
    private let snapshots: SnapshotDirectory
    private var metrics: ApplyMetrics
    private var results = ApplyResults()
    private var batches: [AppliedBatch]
    /// A bit for each batch that something was added to.
    private var owed: UInt64 = 0
    private var waiting: [ReadState] = []
    private var told = LogIndex(0)
    private var bytesSinceTold = 0
    /// What a turn works off, kept for its storage.
    private var inputs: [ApplyInput] = []
    private(set) var isStopping = false

    private static let tellEntries: UInt64 = 1000
    private static let tellBytes = 1 << 20

    init(
        machine: StateMachine, lessor: Lessor, localID: MemberID, switchboard: Switchboard,
        status: MemberStatus, flushing: FlushDemand, electionTimeout: Duration,
        fatal: FatalError, snapshots: SnapshotDirectory, metrics: ApplyMetrics
    ) {
        self.machine = machine
        self.lessor = lessor
        self.localID = localID
        self.switchboard = switchboard
        self.status = status
        self.flushing = flushing
        self.electionTimeout = electionTimeout
        self.fatal = fatal
        self.snapshots = snapshots
        self.metrics = metrics
        batches = Array(repeating: AppliedBatch(), count: RequestIDs.loopsMax)
    }

    /// Works off the mailbox.
    mutating func turn() {
        var inputs: [ApplyInput] = []
        swap(&inputs, &self.inputs)
        switchboard.apply.drain(into: &inputs)
        let applied = apply(inputs)
        inputs.removeAll(keepingCapacity: true)
        swap(&inputs, &self.inputs)
        answer()
        tell(applied)
    }

    /// A turn for these alone, which stand in no mailbox. The answer to this loop is returned, others go to
    /// their loops' mailboxes.
    mutating func turn(for inputs: [ApplyInput], answering loop: Int) -> AppliedBatch {
        let applied = apply(inputs)
        var batch = AppliedBatch()
        swap(&batch, &batches[loop])
        owed &= ~(1 << loop)
        answer()
        tell(applied)
        return batch
    }

    /// The last index that was applied, if there was any.
    private mutating func apply(_ inputs: [ApplyInput]) -> LogIndex? {
        var applied: LogIndex?
        for input in inputs {
            switch input {
            case .committed(let entries):
                apply(entries)
                applied = entries.last?.index ?? applied
            case .restore(let metadata): restore(metadata)
            case .readable(let readers): waiting += readers
            case .stop: isStopping = true
            }
        }
        releaseReaders()
        return applied
    }

    private mutating func tell(_ applied: LogIndex?) {
        guard let applied else { return }
        tellReplica(applied)
        flushing.applied()
    }

    /// The replica looks at the published index whenever it is awake, and at each tick. It is woken for it
    /// only when it may be waiting: it hands out at most 4 MiB (and refuses proposals at 5000 entries) ahead.
    private mutating func tellReplica(_ applied: LogIndex) {
        guard applied - told >= Self.tellEntries || bytesSinceTold >= Self.tellBytes else { return }
        told = applied
        bytesSinceTold = 0
        switchboard.replicaBell.ring()
    }

    private mutating func apply(_ entries: [Entry]) {
        let now = MonotonicTime.now()
        results.removeAll()
        for entry in entries { bytesSinceTold += entry.data.count }
        let before = machine.keyspace.currentRevision
        do throws(MVCCError) {
            try machine.apply(entries, at: .nanoseconds(now.nanoseconds), into: &results)
        } catch {
            fatal("the database could not be read: \(describe(error))")
        }
        if let last = entries.last { status.publishApplied(last.index) }
        for reply in results.replies { owe(RequestIDs.loop(of: reply.id)) { $0.replies.append(reply) } }
        for decision in results.configurations {
            let event = Replica.Event.configurationDecided(decision.index, decision.change)
            switchboard.deliver(.event(event), to: switchboard.replica)
        }
        if results.configurations.contains(where: { $0.change != nil }) {
            switchboard.deliver(.membershipChanged, to: switchboard.peers)
        }
        for entry in results.leaderEntries where status.reached(entry.term, localID: localID) {
            lessor.promote(extending: electionTimeout, at: .nanoseconds(now.nanoseconds))
            // 1. The term is reached. 2. The replica steps down and demotes. 3. The promotion above.
            if !status.leads(entry.term, localID: localID) { lessor.demote() }
        }
        let revision = machine.keyspace.currentRevision
        if revision != before { show(revision) }
        let machine = machine  // the metrics are changed meanwhile, and are a part of self as it is
        let nanoseconds = MonotonicTime.now().nanoseconds - now.nanoseconds
        metrics.applied(entries, nanoseconds: nanoseconds, &machine.counts)
    }

    /// Replaces the state by a received one, and says so at once: the replica holds back what comes after.
    private mutating func restore(_ metadata: SnapshotMetadata) {
        let path = snapshots.path(of: metadata.id)
        do throws(SnapshotLoadError) {
            let received = try ReceivedState.read(path, metadata, beside: machine.keyspace.environment)
            do throws(StoredState.LoadError) { try machine.restore(received) } catch { throw .state(error) }
        } catch {
            fatal("snapshot \(path) could not be installed: \(describe(error))")
        }
        status.publishApplied(metadata.id.index)
        told = metadata.id.index
        bytesSinceTold = 0
        switchboard.replicaBell.ring()
        switchboard.deliver(.received(metadata), to: switchboard.snapshot)
        // Watchers are to go over to the new state at once, even if no key has changed.
        show(machine.keyspace.currentRevision)
    }

    /// Loops without watchers are left asleep.
    private mutating func show(_ revision: Int64) {
        var hubs = machine.keyspace.hubsToTell
        while hubs != 0 {
            owe(hubs.trailingZeroBitCount) { $0.visible = revision }
            hubs &= hubs - 1
        }
    }

    /// Readers go on once the state has reached their index: the replica hands committed entries over in
    /// bounded portions, so the index may lie beyond what has come.
    private mutating func releaseReaders() {
        if waiting.isEmpty { return }
        let reached = machine.consistentIndex
        waiting.removeAll { reader in
            guard reader.index <= reached else { return false }
            let loop = RequestIDs.loop(of: reader.token)
            batches[loop].readable.append(reader.token)
            owed |= 1 << loop
            return true
        }
    }

    private mutating func owe(_ loop: Int, _ add: (inout AppliedBatch) -> Void) {
        owed |= 1 << loop
        add(&batches[loop])
    }

    private mutating func answer() {
        while owed != 0 {
            let loop = owed.trailingZeroBitCount
            owed &= owed - 1
            var batch = AppliedBatch()
            swap(&batch, &batches[loop])
            if let mailbox = switchboard.mailbox(loop: loop) {
                switchboard.deliver(.applied(batch), to: mailbox)
            }
        }
    }
}
