/// What etcd can do and this build cannot yet: named and refused at start, never ignored.
///
/// Whoever builds one of these removes its line here.
enum UnsupportedFeature {
    static func refuse(
        _ settings: Settings, notices: inout [ConfigurationNotice]
    ) throws(ConfigurationFailure) {
        let configuration = settings.configuration
        try refuseTLS(configuration)
        let discovery = configuration.cluster.discovery
        let words: [(flag: String, isUsed: Bool)] = [
            ("discovery", !discovery.url.isEmpty),
            ("discovery-endpoints", !discovery.endpoints.isEmpty),
            ("discovery-srv", !discovery.srvDomain.isEmpty),
            ("proxy", settings.versionTwo.proxy != "off"),
            ("enable-distributed-tracing", configuration.diagnostics.tracing.enabled),
            ("enable-log-rotation", configuration.logs.rotationEnabled),
            ("memory-mlock", configuration.storage.memoryLock),
        ]
        for (flag, isUsed) in words where isUsed {
            throw .invalid("--\(flag) is not supported by this build")
        }
        if settings.versionTwo.enabled || !settings.versionTwo.emulationPrefix.isEmpty {
            notices.append(.warning("the v2 API does not exist here - ignoring", ("flag", "enable-v2")))
        }
    }

    private static func refuseTLS(_ configuration: ServerConfiguration) throws(ConfigurationFailure) {
        let listeners = configuration.listeners
        let cluster = configuration.cluster
        let lists = [
            ("listen-peer-urls", listeners.peerURLs), ("listen-client-urls", listeners.clientURLs),
            ("listen-client-http-urls", listeners.clientHTTPURLs),
            ("listen-metrics-urls", listeners.metricsURLs),
            ("initial-advertise-peer-urls", cluster.advertisePeerURLs),
            ("advertise-client-urls", cluster.advertiseClientURLs),
        ]
        for (flag, urls) in lists {
            for url in urls where url.scheme.isSecure {
                throw .invalid("--\(flag) has \(url), but TLS is not supported by this build")
            }
        }
        let security = configuration.security
        for (prefix, tls) in [("", security.client), ("peer-", security.peer)] {
            if let flag = firstFlag(of: tls, prefix) {
                throw .invalid("--\(flag) is set, but TLS is not supported by this build")
            }
        }
    }

    private static func firstFlag(of tls: ServerConfiguration.TLS, _ prefix: String) -> String? {
        let flags: [(String, Bool)] = [
            (prefix + "cert-file", !tls.certificateFile.isEmpty),
            (prefix + "key-file", !tls.keyFile.isEmpty),
            (prefix + "client-cert-file", !tls.clientCertificateFile.isEmpty),
            (prefix + "client-key-file", !tls.clientKeyFile.isEmpty),
            (prefix + "client-cert-auth", tls.clientCertificateAuth),
            (prefix + "trusted-ca-file", !tls.trustedCAFile.isEmpty),
            (prefix.isEmpty ? "client-crl-file" : "peer-crl-file", !tls.revocationListFile.isEmpty),
            (prefix + "auto-tls", tls.automatic),
            ("peer-cert-allowed-cn", !tls.allowedCommonNames.isEmpty),
            (
                prefix.isEmpty ? "client-cert-allowed-hostname" : "peer-cert-allowed-hostname",
                !tls.allowedHostnames.isEmpty
            ),
            ("peer-skip-client-san-verification", tls.skipClientSANVerification),
        ]
        return flags.first { $0.1 }?.0
    }
}
