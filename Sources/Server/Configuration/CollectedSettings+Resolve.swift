extension CollectedSettings {
    /// Fills in what follows from other values, checks everything in etcd's order, and refuses what
    /// this build cannot do.
    consuming func resolved(
        _ inputs: StartInputs, _ notices: inout [ConfigurationNotice]
    ) throws(ConfigurationFailure) -> ServerConfiguration {
        adoptRetired(&notices)
        adjustForGiven()
        try settings.check(notices: &notices)
        try checkAdvertised()
        settings.configuration.compaction.automatic = try settings.automaticCompaction()
        try settings.adoptTLSVersions()
        try UnsupportedFeature.refuse(settings, notices: &notices)
        deriveHost(inputs, &notices)
        deriveNames(&notices)
        settings.configuration.replaceZeroes(&notices)
        return settings.configuration
    }

    /// Gives the flags of etcd 3.1 that have a newer name to that name.
    private mutating func adoptRetired(_ notices: inout [ConfigurationNotice]) {
        let retired = settings.retired
        if retired.debug {
            settings.configuration.logs.level = "debug"
            notices.append(.warning("flag is deprecated", ("flag", "debug"), ("use", "log-level")))
        }
        if !retired.caFile.isEmpty {
            settings.configuration.security.client.trustedCAFile = retired.caFile
            settings.configuration.security.client.clientCertificateAuth = true
            notices.append(.warning("flag is deprecated", ("flag", "ca-file"), ("use", "trusted-ca-file")))
        }
        if !retired.peerCAFile.isEmpty {
            settings.configuration.security.peer.trustedCAFile = retired.peerCAFile
            settings.configuration.security.peer.clientCertificateAuth = true
            notices.append(
                .warning("flag is deprecated", ("flag", "peer-ca-file"), ("use", "peer-trusted-ca-file")))
        }
        for flag in FlagTable.all where flag.isIgnored && given.contains(flag.name) {
            notices.append(.warning("flag is no longer supported - ignoring", ("flag", flag.name)))
        }
    }

    /// The defaults that disappear because another flag was given.
    private mutating func adjustForGiven() {
        let discovery = settings.configuration.cluster.discovery
        let isDiscovering =
            !discovery.url.isEmpty || !discovery.srvDomain.isEmpty || !discovery.endpoints.isEmpty
        if isDiscovering && !given.contains("initial-cluster") {
            settings.configuration.cluster.initialCluster = ""
        }
        if !isFromFile && given.contains("listen-client-urls") && !given.contains("advertise-client-urls") {
            settings.configuration.cluster.advertiseClientURLs = []
        }
        if settings.configuration.logs.outputs.isEmpty { settings.configuration.logs.outputs = ["default"] }
        if settings.configuration.web.allowedOrigins.isEmpty {
            settings.configuration.web.allowedOrigins = ["*"]
        }
        if settings.configuration.web.allowedHosts.isEmpty { settings.configuration.web.allowedHosts = ["*"] }
        if settings.autoCompactionRetention.isEmpty { settings.autoCompactionRetention = "0" }
    }

    /// A member that listens elsewhere must say where its clients reach it.
    private func checkAdvertised() throws(ConfigurationFailure) {
        if settings.configuration.cluster.advertiseClientURLs.isEmpty {
            throw .invalid("--advertise-client-urls is required when --listen-client-urls is set explicitly")
        }
    }

    /// A member that listens on all interfaces and advertises nothing in particular advertises the
    /// address of its default route instead of `localhost`.
    private mutating func deriveHost(_ inputs: StartInputs, _ notices: inout [ConfigurationNotice]) {
        var cluster = settings.configuration.cluster
        let listeners = settings.configuration.listeners
        let replacesPeer =
            cluster.advertisePeerURLs == [.defaultPeer] && listeners.peerURLs.first?.host == "0.0.0.0"
        let replacesClient =
            cluster.advertiseClientURLs == [.defaultClient] && listeners.clientURLs.first?.host == "0.0.0.0"
        guard replacesPeer || replacesClient, let host = inputs.defaultHost() else { return }
        if replacesPeer {
            let port = listeners.peerURLs.first?.port
            cluster.advertisePeerURLs = [ListenURL(scheme: .http, host: host, port: port ?? 2380)]
        }
        if replacesClient {
            let port = listeners.clientURLs.first?.port
            cluster.advertiseClientURLs = [ListenURL(scheme: .http, host: host, port: port ?? 2379)]
        }
        settings.configuration.cluster = cluster
        notices.append(.info("detected default host for advertise", ("host", host)))
    }

    /// Data directory, WAL directory and initial cluster follow the name unless they were given.
    private mutating func deriveNames(_ notices: inout [ConfigurationNotice]) {
        let name = settings.configuration.member.name
        if name == "default" {
            notices.append(.warning("this member has the default name; it must be unique in its cluster"))
        } else if settings.configuration.cluster.initialCluster
            == ServerConfiguration().cluster.initialCluster
        {
            settings.configuration.cluster.initialCluster =
                settings.configuration.cluster.advertisePeerURLs
                .map { "\(name)=\($0)" }.joined(separator: ",")
        }
        if settings.configuration.member.dataDirectory.isEmpty {
            let directory = name + ".etcd"
            settings.configuration.member.dataDirectory = directory
            notices.append(.warning("'data-dir' was empty; using default", ("data-dir", directory)))
        }
        if settings.configuration.member.walDirectory.isEmpty {
            settings.configuration.member.walDirectory =
                settings.configuration.member.dataDirectory + "/member/wal"
        }
    }
}

extension ServerConfiguration {
    /// Zeroes that stand for a default, and values out of range that etcd corrects with a warning.
    fileprivate mutating func replaceZeroes(_ notices: inout [ConfigurationNotice]) {
        if consensus.snapshotCount == 0 { consensus.snapshotCount = Consensus().snapshotCount }
        consensus.readTimeout = max(consensus.readTimeout, Consensus().readTimeout)
        consensus.writeTimeout = max(consensus.writeTimeout, Consensus().writeTimeout)
        if storage.quotaBackendBytes == 0 { storage.quotaBackendBytes = Storage.defaultQuotaBytes }
        if storage.quotaBackendBytes > 8 << 30 {
            notices.append(
                .warning(
                    "quota is above the recommended maximum",
                    ("quota-size-bytes", String(storage.quotaBackendBytes)),
                    ("quota-maximum-size-bytes", String(8 << 30))))
        }
        if storage.batchInterval <= .zero { storage.batchInterval = Storage.defaultBatchInterval }
        if storage.batchLimit <= 0 { storage.batchLimit = Storage.defaultBatchLimit }
        if compaction.batchLimit <= 0 { compaction.batchLimit = Compaction.defaultBatchLimit }
        if compaction.sleepInterval <= .zero { compaction.sleepInterval = Compaction.defaultSleepInterval }
        if diagnostics.watchProgressNotifyInterval == .zero {
            diagnostics.watchProgressNotifyInterval = Diagnostics.defaultProgressNotifyInterval
        }
        diagnostics.watchProgressNotifyInterval = max(
            diagnostics.watchProgressNotifyInterval, Diagnostics.leastProgressNotifyInterval)
        if security.selfSignedValidityYears == 0 { security.selfSignedValidityYears = 1 }
        if !(4...31).contains(security.bcryptCost) {
            notices.append(
                .warning(
                    "bcrypt-cost must be from 4 to 31; using the default",
                    ("given-cost", String(security.bcryptCost)), ("default-cost", "10")))
            security.bcryptCost = 10
        }
        if limits.requestBytes > 10 << 20 {
            notices.append(
                .warning(
                    "max-request-bytes is above the recommended maximum",
                    ("max-request-bytes", String(limits.requestBytes)),
                    ("recommended-request-bytes", String(10 << 20))))
        }
    }
}
