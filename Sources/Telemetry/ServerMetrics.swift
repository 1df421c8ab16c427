/// The metrics of the server by etcd's names (spec/http.md section 6), for those who count.
///
/// Unlabelled families exist at 0 from the start; labelled ones appear with their first value, but the
/// gRPC ones are all there at once. Everything is safe to use from any thread.
package struct ServerMetrics: Sendable {
    package let member: MemberMetrics
    package let proposals: ProposalMetrics
    package let requests: RequestMetrics
    package let disk: DiskMetrics
    package let snapshots: SnapshotMetrics
    package let keyspace: KeyspaceMetrics
    package let watch: WatchMetrics
    package let compaction: CompactionMetrics
    package let lease: LeaseMetrics
    package let network: NetworkMetrics
    package let grpc: GRPCMetrics
    package let web: WebMetrics

    /// - Parameter extensive: `--metrics=extensive`, adds the handling histograms of gRPC.
    package init(_ registry: MetricsRegistry, extensive: Bool) {
        member = MemberMetrics(registry)
        proposals = ProposalMetrics(registry)
        requests = RequestMetrics(registry)
        disk = DiskMetrics(registry)
        snapshots = SnapshotMetrics(registry)
        keyspace = KeyspaceMetrics(registry)
        watch = WatchMetrics(registry)
        compaction = CompactionMetrics(registry)
        lease = LeaseMetrics(registry)
        network = NetworkMetrics(registry)
        grpc = GRPCMetrics(registry, methods: GRPCMethod.all, extensive: extensive)
        web = WebMetrics(registry)
        ProcessMetrics.register(in: registry)
        ForeignMetrics.register(in: registry)
    }
}

/// What this member is in its cluster.
package struct MemberMetrics: Sendable {
    package let hasLeader: Gauge
    package let isLeader: Gauge
    package let isLearner: Gauge
    package let leaderChanges: Counter
    /// Label: the id in hexadecimal. Set to 1.
    package let id: Labelled<Gauge>
    /// Label: `Version.etcd`. Set to 1 by the initialiser.
    package let version: Labelled<Gauge>
    /// Label: "X.Y"; the current one is 1. `removeAll()` before setting another.
    package let clusterVersion: Labelled<Gauge>
    /// Labels: name, stage; 1 or 0.
    package let features: Labelled<Gauge>
    /// Labels: the member's id, the alarm's name.
    package let alarms: Labelled<Gauge>
    package let quotaBytes: Gauge
    package let authRevision: ComputedGauge
    package let learnerPromoteSuccesses: Counter
    package let learnerPromoteFailures: Labelled<Counter>

    init(_ r: MetricsRegistry) {
        hasLeader = r.gauge("etcd_server_has_leader", "1 while a leader is known.")
        isLeader = r.gauge("etcd_server_is_leader", "1 while this member leads.")
        isLearner = r.gauge("etcd_server_is_learner", "1 while this member is a learner.")
        leaderChanges = r.counter(
            "etcd_server_leader_changes_seen_total", "Changes of the leader this member saw.")
        id = r.gauges("etcd_server_id", "The id of this member, in hexadecimal.", "server_id")
        version = r.gauges("etcd_server_version", "The version of this server.", "server_version")
        version.with(Version.etcd).set(1)
        r.gauges("etcd_server_go_version", "What the server was built with.", "server_go_version")
            .with(Version.runtime).set(1)
        clusterVersion = r.gauges(
            "etcd_cluster_version", "The version of the cluster: 1 for the current one.", "cluster_version")
        features = r.gauges(
            "etcd_server_feature_enabled", "Whether a feature is on.", "name", "stage")
        alarms = r.gauges(
            "etcd_debugging_server_alarms", "Alarms that are raised.", "server_id", "alarm_type")
        quotaBytes = r.gauge("etcd_server_quota_backend_bytes", "The quota of the database in bytes.")
        authRevision = r.computed("etcd_debugging_auth_revision", "The revision of the auth store.")
        learnerPromoteSuccesses = r.counter(
            "etcd_server_learner_promote_successes", "Learners promoted while this member led.")
        learnerPromoteFailures = r.counters(
            "etcd_server_learner_promote_failures", "Promotions of learners that failed.", "Reason")
    }
}

/// The way of a write from proposal to apply.
package struct ProposalMetrics: Sendable {
    /// The commit index.
    package let committed: Gauge
    /// The applied index.
    package let applied: Gauge
    package let pending: Gauge
    package let failed: Counter
    package let slowApplies: Counter
    package let heartbeatSendFailures: Counter
    package let slowReadIndexes: Counter
    package let failedReadIndexes: Counter
    /// Labels: version ("v3"), op ("Put"), success ("true").
    package let applyDuration: Labelled<Histogram>
    /// Label: success.
    package let rangeDuration: Labelled<Histogram>
    /// Labels: type (`Put`), success.
    package let requestDuration: Labelled<Histogram>

    init(_ r: MetricsRegistry) {
        committed = r.gauge("etcd_server_proposals_committed_total", "The commit index.")
        applied = r.gauge("etcd_server_proposals_applied_total", "The applied index.")
        pending = r.gauge("etcd_server_proposals_pending", "Proposals waiting to be committed.")
        failed = r.counter("etcd_server_proposals_failed_total", "Proposals that failed.")
        slowApplies = r.counter(
            "etcd_server_slow_apply_total", "Applies slower than --warning-apply-duration.")
        heartbeatSendFailures = r.counter(
            "etcd_server_heartbeat_send_failures_total", "Heartbeats that left too late.")
        slowReadIndexes = r.counter(
            "etcd_server_slow_read_indexes_total", "Read rounds that outlasted a request's time.")
        failedReadIndexes = r.counter(
            "etcd_server_read_indexes_failed_total", "Read rounds that failed.")
        let short = Histogram.Buckets.exponential(0.0001, 2, 20)
        applyDuration = r.histograms(
            "etcd_server_apply_duration_seconds", "Time to apply a request.", short, "version", "op",
            "success")
        rangeDuration = r.histograms(
            "etcd_server_range_duration_seconds", "Time to execute a range.", short, "success")
        requestDuration = r.histograms(
            "etcd_server_request_duration_seconds", "Time from a request to its answer.",
            .exponential(0.001, 2, 14), "type", "success")
    }
}

/// Requests and their checks.
package struct RequestMetrics: Sendable {
    /// Labels: type (`unary`, `stream`), client_api_version (as the client sends it, or `unknown`).
    package let client: Labelled<Counter>
    package let healthSuccesses: Counter
    package let healthFailures: Counter
    /// Labels: type (`livez`, `readyz`), name; 1 or 0.
    package let healthCheck: Labelled<Gauge>
    /// Labels: type, name, status (`success`, `error`).
    package let healthChecks: Labelled<Counter>

    init(_ r: MetricsRegistry) {
        client = r.counters(
            "etcd_server_client_requests_total", "Requests of clients.", "type", "client_api_version")
        healthSuccesses = r.counter("etcd_server_health_success", "Answers of /health: healthy.")
        healthFailures = r.counter("etcd_server_health_failures", "Answers of /health: not healthy.")
        healthCheck = r.gauges(
            "etcd_server_healthcheck", "The last result of a check.", "type", "name")
        healthChecks = r.counters(
            "etcd_server_healthchecks_total", "Results of checks.", "type", "name", "status")
    }
}

/// Reads of `/metrics` itself.
package struct WebMetrics: Sendable {
    /// Label: code.
    package let scrapes: Labelled<Counter>
    package let scrapesInFlight: Gauge

    init(_ r: MetricsRegistry) {
        scrapes = r.counters(
            "promhttp_metric_handler_requests_total", "Reads of the metrics by status code.", "code")
        for code in ["200", "500", "503"] { _ = scrapes.with(code) }
        scrapesInFlight = r.gauge(
            "promhttp_metric_handler_requests_in_flight", "Reads of the metrics being answered.")
    }
}
