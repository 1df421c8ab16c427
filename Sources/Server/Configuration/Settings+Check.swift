import Telemetry
import Wire

/// The checks of spec/config.md section 4, in etcd's order and words.
extension Settings {
    func check(notices: inout [ConfigurationNotice]) throws(ConfigurationFailure) {
        try checkLogging()
        try checkBindable()
        if configuration.listeners.clientHTTPURLs.isEmpty {
            notices.append(
                .info("HTTP and gRPC share the client port; --listen-client-http-urls separates them"))
        }
        try checkAdvertisedHosts()
        try checkBootstrapFlags()
        try checkTiming()
        if !["periodic", "revision"].contains(autoCompactionMode) {
            throw .invalid("unknown auto-compaction-mode \(goQuoted(autoCompactionMode))")
        }
        let features = configuration.features
        if features[.leaseCheckpointPersist] && !features[.leaseCheckpoint] {
            throw .invalid("enabling feature gate LeaseCheckpointPersist requires enabling LeaseCheckpoint")
        }
        if configuration.diagnostics.compactHashCheckTime <= .zero {
            let text = GoDuration.text(configuration.diagnostics.compactHashCheckTime)
            throw .invalid("--compact-hash-check-time must be >0 (set to \(text))")
        }
        try checkTLS()
    }

    private func checkLogging() throws(ConfigurationFailure) {
        let logs = configuration.logs
        if logs.logger != "zap" { throw .invalid("unknown logger option \(goQuoted(logs.logger))") }
        if logs.outputs.count > 1 && logs.outputs.contains("default") {
            throw .invalid("multi logoutput for \"default\" is not supported yet")
        }
        let levels = ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"]
        if !levels.contains(logs.level.lowercased()) {
            throw .invalid("unrecognized level: \(goQuoted(logs.level))")
        }
        if !["json", "console"].contains(logs.format) {
            throw .invalid("unknown log format: \(logs.format), supported values json, console")
        }
        let files = logs.outputs.filter { !["default", "stderr", "stdout", "systemd/journal"].contains($0) }
        if logs.rotationEnabled && (files.count != 1 || logs.outputs.count != 1) {
            throw .invalid(
                "--log-outputs requires a single file path when --log-rotate-config-json is defined")
        }
    }

    private func checkBindable() throws(ConfigurationFailure) {
        let listeners = configuration.listeners
        for urls in [
            listeners.peerURLs, listeners.clientURLs, listeners.clientHTTPURLs, listeners.metricsURLs,
        ] {
            for url in urls where !url.isBindable {
                throw .invalid("expected IP in URL for binding (\(url))")
            }
        }
    }

    private func checkAdvertisedHosts() throws(ConfigurationFailure) {
        let cluster = configuration.cluster
        let lists = [
            ("initial-advertise-peer-urls", cluster.advertisePeerURLs),
            ("advertise-client-urls", cluster.advertiseClientURLs),
        ]
        for (name, urls) in lists {
            for url in urls where url.host.isEmpty && !url.scheme.isSocketFile {
                let text = goQuoted(urls.map(\.description).joined(separator: ","))
                throw .invalid("--\(name) \(text) must be \"host:port\" (unexpected empty host (\(url)))")
            }
        }
    }

    private func checkBootstrapFlags() throws(ConfigurationFailure) {
        let cluster = configuration.cluster
        let isV3 = !cluster.discovery.endpoints.isEmpty
        let given = [
            !cluster.initialCluster.isEmpty, !cluster.discovery.url.isEmpty || isV3,
            !cluster.discovery.srvDomain.isEmpty,
        ]
        if given.count(where: { $0 }) > 1 {
            throw .invalid(
                "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", "
                    + "\"discovery-endpoints\" or \"discovery-srv\"")
        }
        if isV3 != !cluster.discovery.token.isEmpty {
            throw .invalid("both --discovery-token and --discovery-endpoints must be set")
        }
    }

    private func checkTiming() throws(ConfigurationFailure) {
        let heartbeat = Int64(configuration.consensus.heartbeatInterval / .milliseconds(1))
        let election = Int64(configuration.consensus.electionTimeout / .milliseconds(1))
        if heartbeat == 0 { throw .invalid("--heartbeat-interval must be >0 (set to 0ms)") }
        if election == 0 { throw .invalid("--election-timeout must be >0 (set to 0ms)") }
        if heartbeat > election / 5 {
            throw .invalid(
                "--election-timeout[\(election)ms] should be at least as 5 times as "
                    + "--heartbeat-interval[\(heartbeat)ms]")
        }
        if election > 50_000 {
            throw .invalid(
                "--election-timeout[\(election)ms] is too long, and should be set less than 50000ms")
        }
    }

    private func checkTLS() throws(ConfigurationFailure) {
        let peer = configuration.security.peer
        if !peer.allowedCommonNames.isEmpty && !peer.allowedHostnames.isEmpty {
            throw .invalid(
                "TLSInfo.AllowedCNs and TLSInfo.AllowedHostnames are mutually exclusive "
                    + "(--peer-cert-allowed-cn, --peer-cert-allowed-hostname)")
        }
        for name in configuration.security.cipherSuites where !Settings.cipherSuites.contains(name) {
            throw .invalid("unexpected TLS cipher suite \(goQuoted(name))")
        }
        if !configuration.security.cipherSuites.isEmpty && tlsMinVersion == "TLS1.3" {
            throw .invalid("cipher suites may not be configured when only TLS1.3 is enabled")
        }
    }

    /// The names Go knows, with the ones it also accepts without the hash at the end.
    private static let cipherSuites: Set<String> = [
        "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    ]
}

extension Settings {
    /// Reads mode and retention together (spec/config.md section 6).
    func automaticCompaction() throws(ConfigurationFailure) -> ServerConfiguration.AutomaticCompaction {
        let isPeriodic = autoCompactionMode == "periodic"
        if autoCompactionRetention.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int64(autoCompactionRetention)
        {
            if number == 0 { return .off }
            if !isPeriodic { return .revision(number) }
            // More hours than a duration holds keep everything, as near as 292 years come to it.
            let hours = min(number, Int64.max / 3_600_000_000_000)
            return .periodic(.seconds(hours * 3600))
        }
        guard let value = GoDuration.nanoseconds(autoCompactionRetention) else {
            let reason = "time: invalid duration \(goQuoted(autoCompactionRetention))"
            throw .invalid("error parsing CompactionRetention: \(reason)")
        }
        if value <= 0 { return .off }
        return isPeriodic ? .periodic(.nanoseconds(value)) : .revision(value)
    }

    mutating func adoptTLSVersions() throws(ConfigurationFailure) {
        configuration.security.tlsMinVersion =
            try Settings.tlsVersion(tlsMinVersion) ?? configuration.security.tlsMinVersion
        configuration.security.tlsMaxVersion = try Settings.tlsVersion(tlsMaxVersion)
        if configuration.security.tlsMinVersion == .tls13 && configuration.security.tlsMaxVersion == .tls12 {
            throw .invalid("min version (TLS1.3) is greater than max version (TLS1.2)")
        }
    }

    private static func tlsVersion(_ text: String) throws(ConfigurationFailure)
        -> ServerConfiguration.TLSVersion?
    {
        if text.isEmpty { return nil }
        guard let version = ServerConfiguration.TLSVersion(rawValue: text) else {
            throw .invalid(
                "unexpected TLS version \(goQuoted(text)) (must be one of: TLS1.2, TLS1.3)")
        }
        return version
    }
}
