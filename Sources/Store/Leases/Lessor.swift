import Synchronization

/// Knows every lease, the keys attached to it, and on the leader when it expires.
///
/// There is no clock inside: callers pass monotonic time, a `Duration` since any fixed origin that is
/// the same for all calls. The apply thread grants, revokes, attaches and checkpoints; the event loops
/// renew and read; a leader's timer asks what expired. Only a primary (the leader's lessor) knows
/// expiries; elsewhere leases live for ever until a revoke comes through the log (api.md 14).
///
/// What is stored durably is the caller's business: it writes `LeaseRecord`s into bucket `lease`.
package final class Lessor: Sendable {
    /// At most this many leases are handed out as expired by one call: with a call each 100 ms etcd's 1,000
    /// per second (errors.md 4).
    package static let expiredBatchMax = 100
    /// At most this many leases are handed out for a checkpoint by one call: 2,000 per second.
    package static let checkpointBatchMax = 200
    /// Above this many leases a promotion spreads their expiries.
    static let spreadThreshold = 1000
    /// A promotion lets at most this many leases fall due in any one second.
    static let spreadPerSecond = 750
    package static let ttlMax: Int64 = 9_000_000_000

    /// Seconds; a smaller TTL is raised to it: the longest a leader change can take, rounded up.
    package let minimumTTL: Int64
    /// Leases with more than this left are checkpointed this often.
    package let checkpointInterval: Duration
    /// An expired lease whose revoke did not come back is handed out again after this time.
    package let revokeRetryInterval: Duration

    let state: Mutex<LessorState>

    package init(
        minimumTTL: Int64, checkpointInterval: Duration = .seconds(300),
        revokeRetryInterval: Duration = .seconds(7)
    ) {
        precondition(minimumTTL > 0)
        self.minimumTTL = minimumTTL
        self.checkpointInterval = checkpointInterval
        self.revokeRetryInterval = revokeRetryInterval
        state = Mutex(LessorState())
    }

    /// The minimum TTL in seconds for an election timeout: 1.5 times it, rounded up (api.md 14).
    package static func minimumTTL(electionTicks: Int, heartbeatMilliseconds: Int) -> Int64 {
        Int64((3 * electionTicks / 2 * heartbeatMilliseconds + 999) / 1000)
    }

    // Applying.

    /// Creates a lease; the record is what the caller has to store.
    ///
    /// Throws `leaseTTLTooLarge`, `leaseExists`, and `leaseNotFound` for the id 0.
    package func grant(
        id: Int64, ttl: Int64, at now: Duration
    ) throws(StoreError) -> LeaseRecord {
        guard id != 0 else { throw .leaseNotFound }
        guard ttl <= Lessor.ttlMax else { throw .leaseTTLTooLarge }
        let granted = max(ttl, minimumTTL)
        let isNew = state.withLock { state in
            guard state.leases[id] == nil else { return false }
            state.leases[id] = LeaseState(ttl: granted)
            if state.isPrimary { state.refresh(id, at: now, checkpointInterval: checkpointInterval) }
            return true
        }
        guard isNew else { throw .leaseExists }
        return LeaseRecord(id: id, ttl: granted)
    }

    /// Forgets a lease; its keys, ascending, are the caller's to delete. Throws `leaseNotFound`.
    package func revoke(id: Int64) throws(StoreError) -> [[UInt8]] {
        let keys: [[UInt8]]? = state.withLock { state in
            guard let lease = state.leases.removeValue(forKey: id) else { return nil }
            for key in lease.keys { state.leaseOfKey[key] = nil }
            return lease.keys.sorted { $0.lexicographicallyPrecedes($1) }
        }
        guard let keys else { throw .leaseNotFound }
        return keys
    }

    package func exists(id: Int64) -> Bool { state.withLock { $0.leases[id] != nil } }

    /// Says that a put wrote `key` with lease `id` (0: none), so any other lease lets go of it.
    package func attach(_ key: borrowing RawSpan, to id: Int64) {
        state.withLock { state in
            if id == 0 && state.leaseOfKey.isEmpty { return }
            state.attach(key.copied(0..<key.byteCount), to: id)
        }
    }

    /// Says that a key was deleted.
    package func detach(_ key: [UInt8]) {
        state.withLock { state in
            if !state.leaseOfKey.isEmpty { state.attach(key, to: 0) }
        }
    }

    /// Whether any key has a lease: when not, deletes need not tell their keys.
    package var hasAttachedKeys: Bool { state.withLock { !$0.leaseOfKey.isEmpty } }

    /// Records what a checkpoint said; the changed record, or nil for an unknown lease.
    package func checkpoint(id: Int64, remainingTTL: Int64, at now: Duration) -> LeaseRecord? {
        state.withLock { state in
            guard var lease = state.leases[id] else { return nil }
            lease.remainingTTL = remainingTTL
            lease.queuedCheckpoint = nil
            state.leases[id] = lease
            if state.isPrimary { state.scheduleCheckpoint(id, at: now, interval: checkpointInterval) }
            return LeaseRecord(id: id, ttl: lease.ttl, remainingTTL: remainingTTL)
        }
    }

    /// Replaces everything by what the database holds: the leases, and each live key with its lease.
    /// A key whose lease is not there stays without one.
    package func restore(_ records: [LeaseRecord], attached: [(key: [UInt8], lease: Int64)]) {
        state.withLock { state in
            state = LessorState()
            for record in records {
                state.leases[record.id] = LeaseState(
                    ttl: max(record.ttl, minimumTTL), remainingTTL: record.remainingTTL)
            }
            for (key, lease) in attached where state.leases[lease] != nil { state.attach(key, to: lease) }
        }
    }
}
