import Backend
import Journal
import Net
import Peers
import Raft
import Replication
import Services
import Store
import Synchronization

/// The calls' door to the other threads (`Engine`), shared by all event loops.
///
/// What one loop asks during a pass gathers in that loop's slot and leaves at the end of the pass as one
/// batch: one lock, one wake-up, however many requests the pass read.
final class EngineLink: Engine {
    private struct Gathered {
        var proposals: [ProposedEntry] = []
        /// Of the last proposal.
        var isBrief = false
        /// Read rounds that need no answer from the replica (`MemberStatus.allowsLocalReads`).
        var readableNow: [UInt64] = []
    }

    /// What a loop may do with what it asked for in a pass, in the same pass.
    struct PassOutcome {
        /// Read rounds that may go on.
        var readable: [UInt64]
        /// What was proposed went the short way, and this is to be taken as if it had come by the mailbox.
        var applied: AppliedBatch?
    }

    private let switchboard: Switchboard
    private let memberStatus: MemberStatus
    private let sizes: BackendSizes
    private let links = Mutex<PeerLinks?>(nil)
    let shortPath = Mutex<ShortPath?>(nil)
    private let passwordTimeout: Duration
    /// One per loop number; each is touched by its loop only, so the locks are never waited for.
    private let gathered: [Slot]

    private final class Slot: Sendable {
        let gathered = Mutex(Gathered())
    }

    /// `passwordTimeout`: how long a call waits for the work with a password.
    init(
        switchboard: Switchboard, status: MemberStatus, sizes: BackendSizes, passwordTimeout: Duration
    ) {
        self.switchboard = switchboard
        self.passwordTimeout = passwordTimeout
        memberStatus = status
        self.sizes = sizes
        gathered = (0..<RequestIDs.loopsMax).map { _ in Slot() }
    }

    var status: EngineStatus { memberStatus.engineStatus }
    var backendSize: BackendSize { sizes.current }
    var progress: [MemberID: LogIndex] { memberStatus.progress }

    var activePeers: [MemberID: MonotonicTime] { links.withLock { $0 }?.activeMembers ?? [:] }

    /// The peers thread has a transport.
    func connect(_ links: PeerLinks) { self.links.withLock { $0 = links } }

    /// The workers are there.
    func connect(_ path: ShortPath) { shortPath.withLock { $0 = path } }

    func propose(_ id: UInt64, _ data: [UInt8], isBrief: Bool) {
        gathered[RequestIDs.loop(of: id)].gathered.withLock {
            $0.proposals.append(ProposedEntry(tag: id, data: data))
            $0.isBrief = isBrief
        }
    }

    func proposeWhileLeading(_ term: Term, _ id: UInt64, _ data: [UInt8]) {
        let event = Replica.Event.proposeWhileLeading(term, [ProposedEntry(tag: id, data: data)])
        switchboard.deliver(.event(event), to: switchboard.replica)
    }

    func proposeConfigurationChange(_ id: UInt64, _ change: MembershipProposal) {
        let proposal = ConfigurationProposal(
            kind: .configurationChange, data: change.entryData(id: id), change: change.change)
        switchboard.deliver(.event(.proposeConfigurationChange(tag: id, proposal)), to: switchboard.replica)
    }

    func readIndex(_ token: UInt64) {
        if memberStatus.allowsLocalReads {
            gathered[RequestIDs.loop(of: token)].gathered.withLock { $0.readableNow.append(token) }
        } else {
            switchboard.deliver(.event(.readIndex(token: token)), to: switchboard.replica)
        }
    }

    func perform(_ id: UInt64, _ operation: MaintenanceOperation) {
        if !switchboard.maintenance.push(.perform(id: id, operation)) {
            switchboard.tell(waiterOf: id, .performed(id, .failed("etcdserver: too many requests")))
        }
    }

    func askLeader(_ id: UInt64, _ request: LeaderErrand) {
        if !switchboard.peers.push(.askLeader(id: id, request)) {
            switchboard.tell(waiterOf: id, .leaderAnswered(id, .failed(.timedOut)))
        }
    }

    func work(_ id: UInt64, _ work: PasswordWork) {
        let deadline = MonotonicTime.now() + passwordTimeout
        // The lowest bits of an id are its loop's; those above count.
        let worker = Int((id >> 4) % UInt64(switchboard.passwords.count))
        if !switchboard.passwords[worker].push(.work(id: id, work, deadline: deadline)) {
            switchboard.tell(waiterOf: id, .worked(id, .refused("etcdserver: too many requests")))
        }
    }

    func transferLeadership(to target: MemberID) {
        switchboard.deliver(.event(.transferLeadership(to: target)), to: switchboard.replica)
    }

    /// Sends what the loop proposed in this pass. `mayWait`: the loop serves one connection and owes nothing
    /// to others, so that it may do the other threads' work itself (`ShortPath`).
    func endOfPass(loop: Int, mayWait: Bool) -> PassOutcome {
        let pass: Gathered? = gathered[loop].gathered.withLock { slot in
            if slot.proposals.isEmpty && slot.readableNow.isEmpty { return nil }
            var taken = Gathered()
            swap(&slot, &taken)
            return taken
        }
        guard let pass else { return PassOutcome(readable: []) }
        var outcome = PassOutcome(readable: pass.readableNow)
        guard let first = pass.proposals.first else { return outcome }
        if mayWait, pass.isBrief, pass.readableNow.isEmpty, let shortPath = shortPath.withLock({ $0 }) {
            outcome.applied = shortPath.take(pass.proposals, for: loop)
        }
        if outcome.applied == nil, !switchboard.replica.push(.proposals(pass.proposals)) {
            switchboard.tell(waiterOf: first.tag, .dropped(pass.proposals.map(\.tag), .tooManyRequests))
        }
        return outcome
    }
}

extension MembershipProposal {
    /// What it does to raft's configuration.
    var change: ConfigurationChange {
        let change: ConfigurationChange.Kind =
            switch kind {
            case .addNode: .addNode
            case .removeNode: .removeNode
            case .updateNode: .updateNode
            case .addLearnerNode: .addLearnerNode
            }
        return ConfigurationChange(change, member)
    }

    /// The data of its entry, a raftpb.ConfChange.
    func entryData(id: UInt64) -> [UInt8] {
        ConfigurationEntry(id: id, change: change, context: context).data(kind: .configurationChange)
    }
}

/// Sizes of the database file as of the last flush.
final class BackendSizes: Sendable {
    private let total = Atomic<Int64>(0)
    private let inUse = Atomic<Int64>(0)

    var current: BackendSize {
        BackendSize(total: total.load(ordering: .relaxed), inUse: inUse.load(ordering: .relaxed))
    }

    func publish(_ size: BackendSize) {
        total.store(size.total, ordering: .relaxed)
        inUse.store(size.inUse, ordering: .relaxed)
    }
}
