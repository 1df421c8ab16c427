import EtcdAPI
import Logging
import Net
import Raft
import Store
import Telemetry

/// Carries what the state machine counted in plain numbers into the metrics, once per batch.
struct ApplyMetrics {
    private let metrics: ServerMetrics
    private let shared: AppliedCounts
    private let warningDuration: Duration
    private let warningNanoseconds: Int64
    private let logger: Logger
    /// By the place of the kind in `ApplyCounts.requests`; made when the first of a kind was applied.
    private var succeeded: [Histogram?]
    private var failed: [Histogram?]

    /// `warningDuration`: --warning-apply-duration.
    init(_ metrics: ServerMetrics, _ shared: AppliedCounts, warningDuration: Duration, logger: Logger) {
        self.metrics = metrics
        self.shared = shared
        self.warningDuration = warningDuration
        warningNanoseconds = warningDuration.saturatedNanoseconds
        self.logger = logger
        let none = [Histogram?](repeating: nil, count: InternalRaftRequest.Kind.allCases.count)
        (succeeded, failed) = (none, none)
    }

    /// A batch was applied in so many nanoseconds; every request of it counts with the mean, for one reading
    /// of the clock per request would cost more than a Put. Empties `counts`.
    mutating func applied(_ entries: [Entry], nanoseconds: Int64, _ counts: inout ApplyCounts) {
        let mean = Double(nanoseconds) * 1e-9 / Double(max(entries.count, 1))
        for place in counts.counted {
            let requests = counts.requests[place]
            if requests.succeeded > 0 {
                Self.histogram(&succeeded[place], metrics, requests.kind, "true")
                    .observe(mean, count: requests.succeeded)
            }
            if requests.failed > 0 {
                Self.histogram(&failed[place], metrics, requests.kind, "false")
                    .observe(mean, count: requests.failed)
            }
        }
        if counts.puts > 0 {
            metrics.keyspace.puts.add(counts.puts)
            metrics.keyspace.putBytes.add(counts.putBytes)
        }
        if counts.deletes > 0 { metrics.keyspace.deletes.add(counts.deletes) }
        if counts.ranges > 0 { shared.ranges.add(counts.ranges) }
        if counts.txns > 0 { shared.txns.add(counts.txns) }
        if counts.leasesRevoked > 0 { metrics.lease.revoked.add(counts.leasesRevoked) }
        for ttl in counts.grantedTTLs {
            metrics.lease.granted.add()
            metrics.lease.ttl.observe(Double(ttl))
        }
        if nanoseconds > warningNanoseconds { warn(entries, .nanoseconds(nanoseconds)) }
        counts.removeAll()
    }

    /// Static: a method would have all of this copied, for one of its fields is being changed.
    private static func histogram(
        _ known: inout Histogram?, _ metrics: ServerMetrics, _ kind: InternalRaftRequest.Kind,
        _ success: String
    ) -> Histogram {
        if let known { return known }
        let name = "\(kind)"
        let made = metrics.proposals.applyDuration.with(
            "v3", name.prefix(1).uppercased() + name.dropFirst(), success)
        known = made
        return made
    }

    /// A slow request holds up the whole batch it came in, so the batch is what is looked at.
    private func warn(_ entries: [Entry], _ time: Duration) {
        metrics.proposals.slowApplies.add()
        logger.warning(
            "apply request took too long",
            metadata: [
                "took": "\(time)", "expected-duration": "\(warningDuration)", "prefix": "",
                "entries": .stringConvertible(entries.count),
                "first-index": .stringConvertible(entries.first?.index.rawValue ?? 0),
                "size": .stringConvertible(entries.reduce(0) { $0 + $1.data.count }),
            ])
    }
}

/// What the apply thread counts and the loops count as well: `MemberFeed` adds the two up.
final class AppliedCounts: Sendable {
    let ranges = Counter()
    let txns = Counter()
}
