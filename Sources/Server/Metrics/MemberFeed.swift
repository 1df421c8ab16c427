import Backend
import Journal
import MVCC
import Raft
import Services
import Store
import Synchronization
import Telemetry

/// Brings up to date, each time somebody looks at the metrics, what the member counts elsewhere in plain
/// memory or knows anyway: nothing of it costs a request anything.
final class MemberFeed: Sendable {
    private let member: Member
    private let methods: [GRPCMethodMetrics?]
    /// What the labelled families show now; also keeps two looks at the metrics apart.
    private let shown: Mutex<Shown>

    private struct Shown {
        var clusterVersion: String?
        var alarms: [AlarmRecord] = []
    }

    /// Of the member's configuration everything is set here, for good.
    init(_ member: Member) {
        self.member = member
        methods = Method.allCases.map { member.metrics.grpc.method($0.path) }
        shown = Mutex(Shown())
        let (gauges, configuration) = (member.metrics.member, member.configuration)
        gauges.id.with(String(member.metadata.memberID.rawValue, radix: 16)).set(1)
        gauges.quotaBytes.set(Self.quota(Int64(configuration.storage.quotaBackendBytes)))
        for feature in FeatureGates.Feature.allCases {
            gauges.features.with(feature.rawValue, feature.stage.rawValue)
                .set(configuration.features.isEnabled(feature))
        }
        gauges.authRevision.compute { [auth = member.auth] in Double(auth.revision) }
        let keys = member.metrics.keyspace
        let disk = member.metrics.disk
        let (keyspace, sizes) = (member.keyspace, member.sizes)
        keys.keys.compute { Double(keyspace.memory.keys) }
        keys.currentRevision.compute { Double(keyspace.currentRevision) }
        keys.compactRevision.compute { Double(keyspace.compactedRevision) }
        disk.databaseBytes.compute { Double(sizes.current.total) }
        disk.databaseBytesInUse.compute { Double(sizes.current.inUse) }
        disk.openReadTransactions.compute { Double(keyspace.environment.openReads) }
    }

    /// 0 for no limit: etcd shows the default for 0, and the number as given when it is negative.
    private static func quota(_ given: Int64) -> Double { given == 0 ? 2_147_483_648 : Double(given) }

    /// Called before each answer of `/metrics`, on the loop that answers.
    func update() {
        shown.withLock { shown in
            updateMember(&shown)
            updateCalls()
        }
    }

    private func updateMember(_ shown: inout Shown) {
        let metrics = member.metrics
        let now = member.status.engineStatus
        metrics.member.hasLeader.set(now.leader != nil)
        metrics.member.isLeader.set(now.leader == member.metadata.memberID)
        metrics.member.isLearner.set(member.membership.isLocalLearner)
        metrics.member.leaderChanges.raise(to: member.status.leaderChanges)
        metrics.proposals.committed.set(Double(now.committed.rawValue))
        metrics.proposals.applied.set(Double(now.applied.rawValue))
        let version = member.membership.clusterVersion?.text
        if version != shown.clusterVersion {
            shown.clusterVersion = version
            metrics.member.clusterVersion.removeAll()
            if let version { metrics.member.clusterVersion.with(Self.short(version)).set(1) }
        }
        let alarms = member.alarms.list()
        if alarms != shown.alarms {
            for alarm in shown.alarms { gauge(of: alarm).set(0) }
            for alarm in alarms { gauge(of: alarm).set(1) }
            shown.alarms = alarms
        }
    }

    /// `3.5` of `3.5.0`.
    private static func short(_ version: String) -> String {
        version.split(separator: ".").prefix(2).joined(separator: ".")
    }

    private func gauge(of alarm: AlarmRecord) -> Gauge {
        let name =
            switch alarm.kind {
            case .noSpace: "NOSPACE"
            case .corrupt: "CORRUPT"
            }
        return member.metrics.member.alarms.with(String(alarm.member.rawValue, radix: 16), name)
    }

    private func updateCalls() {
        let metrics = member.metrics
        for (known, counts) in zip(methods, member.calls.methods()) {
            known?.raise(
                started: counts.started, received: counts.received, sent: counts.sent,
                handledByCode: counts.handledByCode)
        }
        let totals = member.calls.totals()
        metrics.network.clientReceivedBytes.raise(to: totals.receivedBytes)
        metrics.network.clientSentBytes.raise(to: totals.sentBytes)
        for (version, count) in totals.unaryByVersion where count > 0 {
            metrics.requests.client.with("unary", version).raise(to: count)
        }
        for (version, count) in totals.streamsByVersion where count > 0 {
            metrics.requests.client.with("stream", version).raise(to: count)
        }
        let failures = metrics.network.streamFailures
        if totals.watchStreamFailures > 0 {
            failures.with("receive", "watch").raise(to: totals.watchStreamFailures)
        }
        if totals.keepAliveStreamFailures > 0 {
            failures.with("receive", "lease-keepalive").raise(to: totals.keepAliveStreamFailures)
        }
        metrics.proposals.pending.set(totals.open.proposals)
        metrics.proposals.failed.raise(to: totals.proposalsFailed)
        metrics.proposals.slowReadIndexes.raise(to: totals.slowReadIndexes)
        metrics.proposals.failedReadIndexes.raise(to: totals.failedReadIndexes)
        metrics.keyspace.ranges.raise(to: totals.ranges + member.applied.ranges.value)
        metrics.keyspace.txns.raise(to: totals.readTxns + member.applied.txns.value)
        metrics.lease.expired.raise(to: totals.leasesExpired)
        metrics.lease.renewed.raise(to: totals.leasesRenewed)
        metrics.watch.events.raise(to: totals.events)
        metrics.watch.streams.set(totals.open.watchStreams)
        metrics.watch.watchers.set(totals.open.watchers)
        metrics.watch.slowWatchers.set(totals.open.laggingWatchers)
    }
}
