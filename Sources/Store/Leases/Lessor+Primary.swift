import Synchronization

/// What the lessor of a leader does, and what the event loops ask.
extension Lessor {
    /// The result of a keep-alive.
    package enum Renewal: Sendable, Equatable {
        /// The full TTL runs again, in seconds.
        case renewed(ttl: Int64)
        /// A checkpoint of 0 for this lease has to go through the log before it is renewed (api.md 14),
        /// so that a new leader does not start from the old rest.
        case needsCheckpointReset
        /// Past its expiry, its revoke is on the way: answer TTL 0 once it is gone.
        case expired
        case notFound
        case notPrimary
    }

    package func renew(id: Int64, at now: Duration) -> Renewal {
        state.withLock { state in
            guard state.isPrimary else { return .notPrimary }
            guard let lease = state.leases[id] else { return .notFound }
            if let expiry = lease.expiry, expiry <= now { return .expired }
            if lease.remainingTTL > 0 { return .needsCheckpointReset }
            state.setExpiry(id, to: now + .seconds(lease.ttl))
            return .renewed(ttl: lease.ttl)
        }
    }

    /// What LeaseTimeToLive tells about a lease.
    package struct TimeToLive: Sendable, Equatable {
        /// Whole seconds, truncated; negative past the expiry; very large when not primary.
        package var remaining: Int64
        package var granted: Int64
        /// Empty unless asked for; in no order.
        package var keys: [[UInt8]]

        package init(remaining: Int64, granted: Int64, keys: [[UInt8]]) {
            self.remaining = remaining
            self.granted = granted
            self.keys = keys
        }
    }

    /// Nil for an unknown lease.
    package func timeToLive(id: Int64, wantsKeys: Bool, at now: Duration) -> TimeToLive? {
        state.withLock { state in
            guard let lease = state.leases[id] else { return nil }
            // Go's longest duration, in whole seconds: what etcd shows for "for ever".
            let remaining = lease.expiry.map { ($0 - now).components.seconds } ?? 9_223_372_036
            return TimeToLive(
                remaining: remaining, granted: lease.ttl, keys: wantsKeys ? Array(lease.keys) : [])
        }
    }

    /// Ids of all leases, those that expire first at the front; without expiries ascending.
    package func leases() -> [Int64] {
        let all = state.withLock { state in state.leases.map { (id: $0.key, expiry: $0.value.expiry) } }
        let forever = Duration.seconds(Int64.max / 2)
        return all.sorted { ($0.expiry ?? forever, $0.id) < ($1.expiry ?? forever, $1.id) }.map(\.id)
    }

    package var leaseCount: Int { state.withLock { $0.leases.count } }

    package var isPrimary: Bool { state.withLock { $0.isPrimary } }

    /// Keys attached to a lease, in no order; for permission checks.
    package func keys(of id: Int64) -> [[UInt8]] {
        state.withLock { state in state.leases[id].map { Array($0.keys) } ?? [] }
    }

    /// Becomes primary: every lease gets the time it had left by the last checkpoint, or all of it,
    /// and `extension` (the election timeout) more, during which clients could reach no leader.
    ///
    /// With many leases at most 750 fall due in any second, so that revoking them (1000 a second)
    /// never becomes all the cluster does.
    package func promote(extending extra: Duration, at now: Duration) {
        state.withLock { state in
            state.isPrimary = true
            state.expiries.removeAll()
            state.checkpoints.removeAll()
            let due = state.leases.map { (id: $0.key, expiry: now + .seconds($0.value.effectiveTTL) + extra) }
            for id in state.leases.keys {
                state.leases[id]?.queuedExpiry = nil
                state.leases[id]?.queuedCheckpoint = nil
            }
            for (id, expiry) in due.count < Lessor.spreadThreshold ? due : Lessor.spread(due) {
                state.setExpiry(id, to: expiry)
                state.scheduleCheckpoint(id, at: now, interval: checkpointInterval)
            }
        }
    }

    private static func spread(_ due: [(id: Int64, expiry: Duration)]) -> [(id: Int64, expiry: Duration)] {
        var spread = due.sorted { ($0.expiry, $0.id) < ($1.expiry, $1.id) }
        for position in spread.indices.dropFirst(spreadPerSecond) {
            let earliest = spread[position - spreadPerSecond].expiry + .seconds(1)
            spread[position].expiry = max(spread[position].expiry, earliest)
        }
        return spread
    }

    /// Ceases to be primary: leases live for ever again, checkpoints are off.
    package func demote() {
        state.withLock { state in
            state.isPrimary = false
            state.expiries.removeAll()
            state.checkpoints.removeAll()
            for id in state.leases.keys {
                state.leases[id]?.expiry = nil
                state.leases[id]?.queuedExpiry = nil
                state.leases[id]?.queuedCheckpoint = nil
            }
        }
    }

    /// Up to `limit` leases past their expiry, to be revoked through the log. Those whose revoke does
    /// not come are handed out again after `revokeRetryInterval`.
    package func expired(at now: Duration, limit: Int = Lessor.expiredBatchMax) -> [Int64] {
        state.withLock { state in
            var ids: [Int64] = []
            while ids.count < limit, let item = state.expiries.popDue(at: now) {
                guard var lease = state.leases[item.id], lease.queuedExpiry == item.due,
                    let expiry = lease.expiry
                else { continue }
                let isExpired = expiry <= now
                let next = isExpired ? now + revokeRetryInterval : expiry
                lease.queuedExpiry = next
                state.leases[item.id] = lease
                state.expiries.insert(item.id, due: next)
                if isExpired { ids.append(item.id) }
            }
            return ids
        }
    }

    /// Up to `limit` leases whose rest should be written into the log now, with that rest in seconds,
    /// rounded up.
    package func dueCheckpoints(
        at now: Duration, limit: Int = Lessor.checkpointBatchMax
    ) -> [(id: Int64, remainingTTL: Int64)] {
        state.withLock { state in
            var due: [(id: Int64, remainingTTL: Int64)] = []
            while due.count < limit, let item = state.checkpoints.popDue(at: now) {
                guard let lease = state.leases[item.id], lease.queuedCheckpoint == item.due,
                    let expiry = lease.expiry, expiry > now
                else { continue }
                let left = (expiry - now).components
                let remaining = left.seconds + (left.attoseconds > 0 ? 1 : 0)
                // Applying the checkpoint sets a new time; this one is for a proposal that gets lost.
                state.scheduleCheckpoint(item.id, at: now, interval: checkpointInterval)
                // Renewed a moment ago: nothing would be lost yet.
                if remaining < lease.ttl { due.append((item.id, remaining)) }
            }
            return due
        }
    }
}
