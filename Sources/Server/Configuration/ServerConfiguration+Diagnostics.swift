extension ServerConfiguration {
    /// Where log lines go and in which shape.
    package struct Logs: Sendable, Equatable {
        /// `--log-level`: debug, info, warn, error, dpanic, panic, fatal.
        package var level = "info"
        /// `--log-format`: json or console.
        package var format = "json"
        /// `--log-outputs`: `default` (= stderr), `stderr`, `stdout`, `systemd/journal`, file paths.
        package var outputs = ["default"]
        /// `--logger`: only `zap` exists.
        package var logger = "zap"
        /// `--enable-log-rotation`.
        package var rotationEnabled = false
        /// `--log-rotation-config-json`, stored as written.
        package var rotationConfiguration = """
            {"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}
            """
    }

    /// Who may speak plain HTTP to the client port, and what it shows.
    package struct Web: Sendable, Equatable {
        /// `--cors`: allowed origins; contains `*` for all.
        package var allowedOrigins = ["*"]
        /// `--host-whitelist`: allowed host names; contains `*` for all.
        package var allowedHosts = ["*"]
        /// `--enable-grpc-gateway`.
        package var gatewayEnabled = true
        /// `--enable-pprof`: accepted; there is no Go runtime to profile.
        package var profilingEnabled = false
        /// `--metrics=extensive`: adds the gRPC handling histograms.
        package var extensiveMetrics: Bool { metrics == "extensive" }
        /// `--metrics` as written.
        package var metrics = "basic"
    }

    /// Warnings, periodic checks and tracing.
    package struct Diagnostics: Sendable, Equatable {
        /// `--warning-apply-duration`: slower applies are logged and counted.
        package var warningApplyDuration = Duration.milliseconds(100)
        /// `--warning-unary-request-duration`.
        package var warningUnaryRequestDuration = Duration.milliseconds(300)
        /// `--watch-progress-notify-interval`: resolved from 0 to 10 min, never below 100 ms.
        package var watchProgressNotifyInterval = Duration.zero
        /// `--corrupt-check-time`, zero = off.
        package var corruptCheckTime = Duration.zero
        /// `--compact-hash-check-time`, > 0; used when the feature CompactHashCheck is on.
        package var compactHashCheckTime = Duration.seconds(60)
        /// `--downgrade-check-time`.
        package var downgradeCheckTime = Duration.seconds(5)
        package var tracing = Tracing()

        package static let defaultProgressNotifyInterval = Duration.seconds(600)
        package static let leastProgressNotifyInterval = Duration.milliseconds(100)
    }

    /// `--enable-distributed-tracing` and its companions.
    package struct Tracing: Sendable, Equatable {
        package var enabled = false
        package var address = "localhost:4317"
        package var serviceName = "etcd"
        package var instanceID = ""
        package var samplesPerMillion = 0
    }
}
