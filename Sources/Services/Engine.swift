import Net
import Raft
import Store

/// What Services needs of the rest of the server; implemented by Server, and by a small in-memory
/// single member in the tests.
///
/// Threads: every call comes from an event loop (or, for `status` and `backendSize`, from any thread)
/// and must not block. Whatever finishes later is answered exactly once, on the loop `id & 15`, through
/// the entry points of `LoopServices`:
///
///     propose                     → replies([Reply])            or dropped([id], reason)
///     proposeConfigurationChange  → replies([Reply])            or dropped([id], reason)
///     readIndex                   → readable([token])           or readsDropped([token])
///     perform                     → performed(id, result)
///     askLeader                   → leaderAnswered(id, answer)
///     work                        → worked(id, result)
///
/// and unasked, on every loop:
///
///     visible(revision)           after each apply batch that moved the revision (coalesced); only where
///                                 `Keyspace.hubsToTell` says that there are watchers
///     compacted(through:)         the physical compaction through that revision is done and synced
///     leaderChanged()             the leader this member knows changed (also to or from none)
///     endOfPass() -> Bool         after each pass over sockets and mailboxes, before the loop sleeps;
///                                 true: run another pass at once
///     tick(now)                   about every 100 ms
///     shutdown()                  once: no more answers will come
///
/// A late answer to an id whose waiter is gone (timeout, cancelled call, earlier boot) is ignored.
package protocol Engine: AnyObject, Sendable {
    /// Proposes one normal entry. `data` is an InternalRaftRequest whose header (field 100) carries `id`.
    /// Server hands all proposals of one loop pass to the replica as one batch. `isBrief`: applying it takes
    /// no longer than a few keys do, so that a loop may wait for it.
    func propose(_ id: UInt64, _ data: [UInt8], isBrief: Bool)

    /// As `propose`, for what only the leader of `term` may decide: dropped unless this member is it.
    func proposeWhileLeading(_ term: Term, _ id: UInt64, _ data: [UInt8])

    /// Proposes a raftpb.ConfChange (v1) with id, type, node id and context JSON (spec/peer.md 9).
    func proposeConfigurationChange(_ id: UInt64, _ change: MembershipProposal)

    /// Asks for a linearizable read point. `readable([token])` may be called only when this member has
    /// applied at least the read index (an item queued to the apply thread behind the entries committed
    /// so far is enough). Called at most once per loop and pass; it covers every read that loop gathered.
    func readIndex(_ token: UInt64)

    /// Runs a maintenance operation on a worker thread; `performed(id, result)` answers.
    func perform(_ id: UInt64, _ operation: MaintenanceOperation)

    /// Has the leader, which is another member or not known yet, do something; answered within the
    /// request timeout.
    func askLeader(_ id: UInt64, _ request: LeaderErrand)

    /// Runs work with a password on a worker thread; `worked(id, result)` answers.
    func work(_ id: UInt64, _ work: PasswordWork)

    /// Starts handing leadership to another voter; progress shows in `status.leader`.
    func transferLeadership(to target: MemberID)

    /// Raft's state as last published by the replica thread.
    var status: EngineStatus { get }

    /// Since when each other member is heard without a break; members that are not heard have no entry.
    var activePeers: [MemberID: MonotonicTime] { get }

    /// On a leader, up to where each member's log equals its own, as of the last tick; else empty.
    var progress: [MemberID: LogIndex] { get }

    /// Sizes of the database file as of the last flush; the quota gate compares `inUse`.
    var backendSize: BackendSize { get }
}

/// Raft's state as the replica thread last published it.
package struct EngineStatus: Equatable, Sendable {
    /// nil: no leader known.
    package var leader: MemberID?
    package var term: Term
    package var committed: LogIndex
    package var applied: LogIndex
    /// When this member first heard of this leader; nil while it knows none.
    package var leaderSince: MonotonicTime?

    package init(
        leader: MemberID? = nil, term: Term = Term(0), committed: LogIndex = LogIndex(0),
        applied: LogIndex = LogIndex(0), leaderSince: MonotonicTime? = nil
    ) {
        self.leader = leader
        self.term = term
        self.committed = committed
        self.applied = applied
        self.leaderSince = leaderSince
    }
}

/// Bytes of the database file.
package struct BackendSize: Equatable, Sendable {
    /// Bytes of the file.
    package var total: Int64
    /// Bytes of pages that hold data.
    package var inUse: Int64

    package init(total: Int64 = 0, inUse: Int64 = 0) {
        self.total = total
        self.inUse = inUse
    }
}

/// A membership change as it goes into the log.
package struct MembershipProposal: Equatable, Sendable {
    /// Raw values are raftpb.ConfChangeType's.
    package enum Kind: UInt64, Sendable {
        case addNode = 0
        case removeNode = 1
        case updateNode = 2
        case addLearnerNode = 3
    }

    package var kind: Kind
    package var member: MemberID
    /// The JSON of spec/peer.md 9; empty for a removal.
    package var context: [UInt8]

    package init(kind: Kind, member: MemberID, context: [UInt8]) {
        self.kind = kind
        self.member = member
        self.context = context
    }

    /// The entry of a change as Store describes it.
    package init(_ change: MembershipChange) {
        guard let kind = Kind(rawValue: change.type) else {
            preconditionFailure("no ConfChangeType \(change.type)")
        }
        self.init(kind: kind, member: change.member, context: change.context)
    }
}

/// Work of the Maintenance service that reads or rewrites the whole database.
package enum MaintenanceOperation: Equatable, Sendable {
    /// CRC32C over every bucket, key and value except meta's consistent_index and term (api.md 16).
    case hash
    /// `Keyspace.hashKV`; revision 0 is the current one.
    case hashKV(revision: Int64)
    /// The online compacted copy swapped in.
    case defragment
    /// A consistent copy of the database in an unlinked temporary file, positioned anywhere.
    case snapshot
}

/// How a maintenance operation ended.
package enum MaintenanceResult: Sendable {
    case hash(UInt32)
    case hashKV(hash: UInt32, compactRevision: Int64, hashRevision: Int64)
    case defragmented
    case snapshot(SnapshotCopy)
    /// `hashKV` only: the revision is below the compacted one.
    case compacted
    /// `hashKV` only: the revision is above the current one.
    case futureRevision
    /// The disk or the database failed; the text goes to the client with code 2.
    case failed(String)
}

/// Why a proposal never entered the log.
package enum DropReason: Sendable {
    /// No leader, or a leadership transfer is under way: code 2 `raft proposal dropped`.
    case dropped
    /// Committed is more than 5000 entries ahead of applied: `etcdserver: too many requests`.
    case tooManyRequests
}
