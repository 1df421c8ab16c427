import Backend
import EtcdAPI
import MVCC
import Raft
import Wire

/// What a batch of applied entries tells the rest of the member.
package struct ApplyResults: Sendable {
    /// Answers to requests this start of this member proposed, in the order of the log.
    package var replies: [Reply] = []
    /// One per configuration entry: what raft has to do, or nil for nothing (the change was refused, or is
    /// part of the state already).
    package var configurations: [(index: LogIndex, change: ConfigurationChange?)] = []
    /// Empty entries: what a new leader appends first. The leader of that term promotes its lessor now.
    package var leaderEntries: [EntryID] = []

    package init() {}

    package mutating func removeAll() {
        // Mostly there are none of the latter two, and finding that out costs less than removing them.
        replies.removeAll(keepingCapacity: true)
        if !configurations.isEmpty { configurations.removeAll(keepingCapacity: true) }
        if !leaderEntries.isEmpty { leaderEntries.removeAll(keepingCapacity: true) }
    }
}

/// Everything the log decides: keys, leases, members, alarms, users. `apply` is the only way to change it.
///
/// Owned by Server's apply worker. Invariants:
/// 1. The state after entry i is a function of the entries up to i alone: no clock, no chance, nothing
///    local decides what is stored. (Time is used for expiries on the leader, which are not stored.)
/// 2. Nothing fails after the first change of an entry, unless the database does, and then the member
///    stops: every refusal is found before.
/// 3. Each batch ends with one hand-over to the flush: keys, buckets and the consistent index of the same
///    entry become durable in one transaction, so a replay starts exactly behind it.
package final class StateMachine {
    package let keyspace: Keyspace
    package let lessor: Lessor
    package let membership: Membership
    package let alarms: Alarms
    package let auth: AuthStore
    private let boot: RequestIDs.Boot
    let learnersMax: Int
    let compacted: @Sendable (Int64) -> Void
    /// The last entry applied. Entries at or below it are passed over.
    package private(set) var consistentIndex: LogIndex
    package private(set) var consistentTerm: Term
    /// What was done since `counts.removeAll()`.
    package var counts = ApplyCounts()
    /// Changes of other buckets since the last hand-over.
    var changes: [BucketChange] = []

    /// `state` is what `StoredState.load` found; lessor, membership, alarms and auth were filled from it.
    /// `compacted` is called on the flush thread when the records below a revision are gone for good.
    package init(
        keyspace: Keyspace, lessor: Lessor, membership: Membership, alarms: Alarms,
        auth: AuthStore, boot: RequestIDs.Boot, state: StoredState, learnersMax: Int = 1,
        compacted: @escaping @Sendable (Int64) -> Void = { _ in }
    ) {
        self.keyspace = keyspace
        self.lessor = lessor
        self.membership = membership
        self.alarms = alarms
        self.auth = auth
        self.boot = boot
        self.learnersMax = learnersMax
        self.compacted = compacted
        consistentIndex = state.consistentIndex
        consistentTerm = state.consistentTerm
        storeFirstAuthRevision(state)
    }

    /// A database that has no auth revision gets the first one with the next entry.
    private func storeFirstAuthRevision(_ state: StoredState) {
        if state.auth.revision == nil { changes.append(StoredAuth.revisionChange(auth.revision)) }
    }

    /// Applies committed entries in the order of their indexes; `now` is the lessor's time.
    ///
    /// An error means the database failed: the member must stop, nothing of this batch is flushed.
    package func apply(
        _ entries: [Entry], at now: Duration, into results: inout ApplyResults
    ) throws(MVCCError) {
        var isChanged = false
        for entry in entries {
            guard entry.index > consistentIndex else {
                if entry.kind != .normal { results.configurations.append((entry.index, nil)) }
                continue
            }
            try apply(entry, at: now, into: &results)
            consistentIndex = entry.index
            consistentTerm = entry.term
            isChanged = true
        }
        if isChanged { handOver() }
    }

    private func apply(
        _ entry: Entry, at now: Duration, into results: inout ApplyResults
    ) throws(MVCCError) {
        guard entry.kind == .normal else { return applyConfiguration(entry, into: &results) }
        if entry.data.isEmpty {
            results.leaderEntries.append(entry.id)
            return
        }
        // Bytes have no padding; so everywhere a span of bytes becomes a raw span.
        let bytes = unsafe entry.data.span.bytes
        let request: EntryRequest
        do {
            request = try EntryRequest(decoding: bytes)
            if !request.hasHeader, let bare = BareRequest(decoding: bytes) {
                return applyV2(bare)
            }
        } catch {
            // Not written by this server, and etcd would not start on it either: without effect.
            return
        }
        let isAwaited = boot.issued(request.id)
        let outcome: Outcome?
        if auth.isEnabled, let refusal = refusal(of: request, in: bytes) {
            outcome = .failure(refusal)
        } else {
            outcome = try apply(request, in: bytes, of: entry.index, isAwaited: isAwaited, at: now)
        }
        if let kind = request.kind { counts.count(kind, outcome) }
        if isAwaited, let outcome { results.replies.append(Reply(id: request.id, outcome: outcome)) }
    }

    private func apply(
        _ request: EntryRequest, in bytes: borrowing RawSpan, of index: LogIndex, isAwaited: Bool,
        at now: Duration
    ) throws(MVCCError) -> Outcome? {
        switch request.kind {
        case .put: try applyPut(in: bytes, request.at)
        case .txn: try applyTransaction(in: bytes, request.at, isAwaited: isAwaited)
        case .deleteRange: try applyDeleteRange(in: bytes, request.at)
        case .range: isAwaited ? try applyRange(in: bytes, request.at) : nil
        case .compaction: try applyCompaction(in: bytes, request.at)
        case .leaseGrant: applyLeaseGrant(in: bytes, request.at, at: now)
        case .leaseRevoke: applyLeaseRevoke(in: bytes, request.at)
        case .leaseCheckpoint: applyLeaseCheckpoint(in: bytes, request.at, at: now)
        case .alarm: applyAlarm(in: bytes, request.at)
        case .clusterVersionSet: applyClusterVersion(in: bytes, request.at)
        case .clusterMemberAttrSet: applyMemberAttributes(in: bytes, request.at)
        case .downgradeInfoSet: applyDowngrade(in: bytes, request.at)
        case .v2, .downgradeVersionTest, nil: nil
        default: applyAuth(request, in: bytes, entry: index.rawValue, at: now)
        }
    }

    /// Whether somebody on this member waits for the request with this id.
    func isAwaited(_ id: UInt64) -> Bool { boot.issued(id) }

    /// Goes on with a later state of the same log in place of this one.
    ///
    /// Synchronous: when it returns the new database is in place, durably, and nothing of the old state is
    /// left; entries up to its index are passed over from now on. Any thread that owns the machine; waits
    /// for a flush under way on another. An error means the database failed: the member must stop.
    package func restore(_ received: consuming ReceivedState) throws(StoredState.LoadError) {
        let (metadata, state) = (received.metadata, received.state)
        precondition(metadata.id.index > consistentIndex, "an older state")
        do throws(MVCCError) {
            try keyspace.replace(with: received.keys, position: metadata.id.index.rawValue)
        } catch {
            throw .keys(error)
        }
        try state.restore(
            lessor: lessor, membership: membership, alarms: alarms, auth: auth, keyspace: keyspace)
        changes.removeAll(keepingCapacity: true)
        storeFirstAuthRevision(state)
        consistentIndex = metadata.id.index
        consistentTerm = metadata.id.term
    }

    private func handOver() {
        keyspace.handOver(changes, position: consistentIndex.rawValue, term: consistentTerm.rawValue)
        if !changes.isEmpty { changes.removeAll(keepingCapacity: true) }
    }

    /// Does one write: `body` makes the changes, and they become visible when it returns. After an error
    /// the write is closed too, for the member stops then.
    func write<R>(
        _ body: (inout KeyspaceWrite) throws(MVCCError) -> R
    ) throws(MVCCError) -> R {
        var write = keyspace.beginWrite()
        let result: R
        do {
            result = try body(&write)
        } catch {
            write.commit()
            throw error
        }
        write.commit()
        return result
    }
}

extension UInt64 {
    var bigEndianBytes: [UInt8] { unsafe withUnsafeBytes(of: bigEndian) { unsafe [UInt8]($0) } }
}
