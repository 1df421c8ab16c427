import EtcdAPI
import HTTP
import MVCC
import Net
import Raft
import Store
import Wire

/// When the work that comes round is due next.
struct PeriodicWork {
    /// etcd looks for expired leases every 500 ms (spec/errors.md 4). We do so five times as often, with a
    /// fifth of its batch, so that a key outlives its lease by less and revokes come less in bursts.
    static let expiryInterval: Duration = .milliseconds(100)
    static let publishInterval: Duration = .seconds(1)

    let drivesExpiry: Bool
    private var expiryDue: MonotonicTime
    private var publishDue: MonotonicTime

    init(drivesExpiry: Bool, now: MonotonicTime) {
        self.drivesExpiry = drivesExpiry
        expiryDue = now + Self.expiryInterval
        publishDue = now + Self.publishInterval
    }

    mutating func isExpiryDue(at now: MonotonicTime) -> Bool {
        guard drivesExpiry, now >= expiryDue else { return false }
        expiryDue = now.next(after: expiryDue, every: Self.expiryInterval)
        return true
    }

    mutating func isPublishDue(at now: MonotonicTime) -> Bool {
        guard now >= publishDue else { return false }
        publishDue = now + Self.publishInterval
        return true
    }
}

extension MonotonicTime {
    /// When what was due then and is done now is due next: an interval after it was due, as ticks come a
    /// little late each time, but after a longer delay an interval from now.
    func next(after due: MonotonicTime, every interval: Duration) -> MonotonicTime {
        due + interval > self ? due + interval : self + interval
    }
}

/// The streams of one loop that want to hear of time, by the id of their call.
struct OpenStreams {
    var watches: [UInt64: WatchStream] = [:]
    var keepAlives: [UInt64: KeepAliveStream] = [:]
    var healthWatches: [UInt64: GRPCCall] = [:]
    var moves: [LeadershipMove] = []
}

extension LoopServices {
    func runPeriodicWork() {
        if periodic.isExpiryDue(at: now) {
            revokeExpired()
            if limits.leaseCheckpoints { checkpointDue() }
        }
        for stream in streams.keepAlives.values { stream.tick() }
        tickWatches()
        tickMoves()
        if periodic.isPublishDue(at: now) { publishCounters() }
    }

    func publishCounters() {
        counters.open = OpenCounts(
            proposals: waiters.count, watchStreams: streams.watches.count, watchers: hub.count,
            laggingWatchers: hub.laggingCount)
        context.metrics.publish(counters, loop: index)
    }

    /// Revokes through the log what the lessor of a leader finds expired: at most 100 leases each
    /// 100 ms. No other leader may take such a revoke over: it may have renewed the lease. The lessor
    /// hands a lease out again when its revoke does not come.
    private func revokeExpired() {
        let status = engine.status
        guard status.leader == context.member else { return }
        let asker = context.auth.ownIdentity
        for lease in context.lessor.expired(at: leaseTime) {
            counters.leasesExpired += 1
            var request: [UInt8] = []
            request.appendField(1, lease)
            let id = drawID()
            var data: [UInt8] = []
            // The span does not outlive `request`.
            unsafe data.appendInternalRaftRequest(
                .leaseRevoke, request.span.bytes, id: id, username: asker.user, authRevision: asker.revision)
            waiters.insert(.expiry(lease: lease), id: id, deadline: now + limits.requestTimeout)
            engine.proposeWhileLeading(status.term, id, data)
        }
    }

    private func checkpointDue() {
        let due = context.lessor.dueCheckpoints(at: leaseTime)
        if !due.isEmpty { proposeCheckpoints(due) }
    }

    /// Proposes one LeaseCheckpointRequest.
    func proposeCheckpoints(_ checkpoints: [(id: Int64, remainingTTL: Int64)]) {
        var request: [UInt8] = []
        for checkpoint in checkpoints {
            var item: [UInt8] = []
            item.appendField(1, checkpoint.id)
            item.appendField(2, checkpoint.remainingTTL)
            request.appendField(1, always: item)
        }
        _ = propose(.leaseCheckpoint, request, .unattended)
    }

    /// Ends every open stream.
    func endStreams(_ status: GRPCStatus) {
        for stream in streams.watches.values { stream.end(status) }
        for stream in streams.keepAlives.values { stream.end(status) }
        for call in streams.healthWatches.values { finish(call, .healthWatch, status) }
        for move in streams.moves { finish(move.call, .moveLeader, status) }
        for call in compactions.removeAll() { finish(call, .compact, status) }
        streams = OpenStreams()
        endConcurrency(status)
    }
}
