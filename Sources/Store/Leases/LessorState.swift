/// One lease, without its id.
struct LeaseState {
    /// Granted, in seconds.
    var ttl: Int64
    /// As the last checkpoint said, in seconds; 0: none since the last renewal.
    var remainingTTL: Int64 = 0
    /// Nil: for ever (not primary).
    var expiry: Duration?
    /// When the entry of the expiry queue that holds for this lease falls due.
    var queuedExpiry: Duration?
    /// When the entry of the checkpoint queue that holds for this lease falls due.
    var queuedCheckpoint: Duration?
    var keys: Set<[UInt8]> = []

    /// What is left after a leader change: the checkpointed rest, else everything.
    var effectiveTTL: Int64 { remainingTTL > 0 ? remainingTTL : ttl }
}

/// What the lessor's lock protects.
///
/// Invariants: `leaseOfKey[k] == id` exactly when `leases[id].keys` contains `k`; while primary every
/// lease has an expiry and one queue entry due no later than it.
struct LessorState {
    var leases: [Int64: LeaseState] = [:]
    var leaseOfKey: [[UInt8]: Int64] = [:]
    var isPrimary = false
    var expiries = DueQueue()
    var checkpoints = DueQueue()

    mutating func attach(_ key: [UInt8], to id: Int64) {
        let former = leaseOfKey[key]
        if former == (id == 0 ? nil : id) { return }
        if let former { leases[former]?.keys.remove(key) }
        if id == 0 || leases[id] == nil {
            leaseOfKey[key] = nil
        } else {
            leases[id]?.keys.insert(key)
            leaseOfKey[key] = id
        }
    }

    /// Starts the lease's time again at `now`.
    mutating func refresh(_ id: Int64, at now: Duration, checkpointInterval: Duration) {
        guard let lease = leases[id] else { return }
        setExpiry(id, to: now + .seconds(lease.effectiveTTL))
        scheduleCheckpoint(id, at: now, interval: checkpointInterval)
    }

    mutating func setExpiry(_ id: Int64, to expiry: Duration) {
        guard var lease = leases[id] else { return }
        lease.expiry = expiry
        // A later expiry is noticed when the queued entry falls due.
        if lease.queuedExpiry.map({ expiry < $0 }) ?? true {
            lease.queuedExpiry = expiry
            expiries.insert(id, due: expiry)
        }
        leases[id] = lease
    }

    mutating func scheduleCheckpoint(_ id: Int64, at now: Duration, interval: Duration) {
        guard let lease = leases[id], .seconds(lease.effectiveTTL) > interval else { return }
        let due = now + interval
        leases[id]?.queuedCheckpoint = due
        checkpoints.insert(id, due: due)
    }
}
