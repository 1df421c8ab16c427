extension FlagTable {
    static let monitoring: [Flag] = [
        Flag(
            "enable-pprof", .boolean(\.configuration.web.profilingEnabled),
            "Accepted; there are no Go profiles to serve."),
        Flag("metrics", .string(\.configuration.web.metrics), "basic, or extensive for call histograms."),
        Flag(
            "listen-metrics-urls", .urlsOrNone(\.configuration.listeners.metricsURLs),
            "URLs that serve metrics and health only."),
        Flag(
            "enable-grpc-gateway", .boolean(\.configuration.web.gatewayEnabled),
            "Serve the JSON gateway on the client URLs."),
        Flag(
            "warning-apply-duration", .duration(\.configuration.diagnostics.warningApplyDuration),
            "Applies that take longer are logged.", experimental: true),
        Flag(
            "warning-unary-request-duration",
            .duration(\.configuration.diagnostics.warningUnaryRequestDuration),
            "Requests that take longer are logged.", experimental: true),
        Flag(
            "watch-progress-notify-interval",
            .duration(\.configuration.diagnostics.watchProgressNotifyInterval),
            "Time between progress notices on idle watches (0: 10m).", experimental: true),
    ]

    static let logging: [Flag] = [
        Flag("logger", .string(\.configuration.logs.logger), "Only zap."),
        Flag(
            "log-outputs", .strings(\.configuration.logs.outputs),
            "default, stderr, stdout, systemd/journal, or file paths."),
        Flag(
            "log-level", .string(\.configuration.logs.level),
            "debug, info, warn, error, dpanic, panic or fatal."),
        Flag("log-format", .string(\.configuration.logs.format), "json or console."),
        Flag(
            "enable-log-rotation", .boolean(\.configuration.logs.rotationEnabled),
            "Rotate the log file."),
        Flag(
            "log-rotation-config-json", .string(\.configuration.logs.rotationConfiguration),
            "How the log file is rotated."),
    ]

    static let tracing: [Flag] = [
        Flag(
            "enable-distributed-tracing", .boolean(\.configuration.diagnostics.tracing.enabled),
            "Send traces over OTLP.", experimental: true),
        Flag(
            "distributed-tracing-address", .string(\.configuration.diagnostics.tracing.address),
            "Address of the collector.", experimental: true),
        Flag(
            "distributed-tracing-service-name", .string(\.configuration.diagnostics.tracing.serviceName),
            "Name of the service in traces.", experimental: true),
        Flag(
            "distributed-tracing-instance-id", .string(\.configuration.diagnostics.tracing.instanceID),
            "Name of this member in traces.", experimental: true),
        Flag(
            "distributed-tracing-sampling-rate",
            .integer(\.configuration.diagnostics.tracing.samplesPerMillion),
            "Traces kept out of a million.", experimental: true),
    ]

    static let checks: [Flag] = [
        Flag(
            "corrupt-check-time", .duration(\.configuration.diagnostics.corruptCheckTime),
            "Time between comparisons of the members' data (0: none).", experimental: true),
        Flag(
            "compact-hash-check-time", .duration(\.configuration.diagnostics.compactHashCheckTime),
            "Time between comparisons of compaction hashes.", experimental: true),
        Flag(
            "compaction-batch-limit", .integer(\.configuration.compaction.batchLimit),
            "Revisions a compaction visits at once (0: 1000).", experimental: true),
        Flag(
            "compaction-sleep-interval", .duration(\.configuration.compaction.sleepInterval),
            "Pause between those steps (0: 10ms).", experimental: true),
        Flag(
            "downgrade-check-time", .duration(\.configuration.diagnostics.downgradeCheckTime),
            "Time between looks at a downgrade under way.", experimental: true),
        Flag(
            "bootstrap-defrag-threshold-megabytes",
            .unsigned(\.configuration.storage.bootstrapDefragThresholdMegabytes),
            "Free space in the database that makes it be rewritten at start (0: never).",
            experimental: true),
    ]

    static let features: [Flag] = [
        Flag(
            "feature-gates", .features(\.configuration.features), "Switches: Name=true,Name=false."),
        switched("initial-corrupt-check", .boolean(\.configuration.features[.initialCorruptCheck])),
        switched("compact-hash-check-enabled", .boolean(\.configuration.features[.compactHashCheck])),
        switched("enable-lease-checkpoint", .boolean(\.configuration.features[.leaseCheckpoint])),
        switched(
            "enable-lease-checkpoint-persist", .boolean(\.configuration.features[.leaseCheckpointPersist])),
        switched(
            "txn-mode-write-with-shared-buffer",
            .boolean(\.configuration.features[.txnModeWriteWithSharedBuffer])),
        switched(
            "stop-grpc-service-on-defrag", .boolean(\.configuration.features[.stopGRPCServiceOnDefrag])),
    ]

    private static func switched(_ name: String, _ target: Flag.Target) -> Flag {
        Flag("experimental-" + name, target, "The feature gate of that name, by its older name.")
    }
}

extension FeatureGates {
    /// The switch as the older, experimental flags see it.
    subscript(feature: Feature) -> Bool {
        get { isEnabled(feature) }
        set { set(feature, newValue) }
    }
}
