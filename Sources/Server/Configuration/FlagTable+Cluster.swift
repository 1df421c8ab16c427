extension FlagTable {
    static let clustering: [Flag] = [
        Flag(
            "initial-advertise-peer-urls", .urls(\.configuration.cluster.advertisePeerURLs),
            "Peer URLs of this member, as the others reach them."),
        Flag(
            "initial-cluster", .string(\.configuration.cluster.initialCluster),
            "Members of a new cluster: name=url,name=url."),
        Flag(
            "initial-cluster-state", .choice(\.initialState, of: ["new", "existing"]),
            "Whether the cluster is new or existing."),
        Flag(
            "initial-cluster-token", .string(\.configuration.cluster.token),
            "Word that keeps clusters with equal members apart."),
        Flag(
            "advertise-client-urls", .urls(\.configuration.cluster.advertiseClientURLs),
            "Client URLs of this member, as clients reach them."),
        Flag(
            "strict-reconfig-check", .boolean(\.configuration.cluster.strictReconfigCheck),
            "Refuse membership changes that would lose the quorum."),
        Flag("pre-vote", .boolean(\.configuration.consensus.preVote), "Ask before starting an election."),
        Flag(
            "auto-compaction-retention", .string(\.autoCompactionRetention),
            "What automatic compaction keeps: hours or a duration, or revisions (0: everything)."),
        Flag(
            "auto-compaction-mode", .string(\.autoCompactionMode),
            "How the retention is meant: periodic or revision."),
        Flag(
            "max-learners", .integer(\.configuration.cluster.learnersMax), "Most learners in the cluster.",
            experimental: true),
    ]

    private static let client = ["discovery-config", "client"]

    static let discovery: [Flag] = [
        Flag("discovery", .string(\.configuration.cluster.discovery.url), "URL of the v2 discovery service."),
        Flag(
            "discovery-fallback", .choice(\.configuration.cluster.discovery.fallback, of: ["exit", "proxy"]),
            "What to do when v2 discovery fails."),
        Flag(
            "discovery-proxy", .string(\.configuration.cluster.discovery.proxy),
            "HTTP proxy in front of the v2 discovery service."),
        Flag(
            "discovery-srv", .string(\.configuration.cluster.discovery.srvDomain),
            "DNS domain whose SRV records list the members."),
        Flag(
            "discovery-srv-name", .string(\.configuration.cluster.discovery.srvName),
            "Suffix of the SRV service name."),
        Flag(
            "discovery-endpoints", .strings(\.configuration.cluster.discovery.endpoints),
            "Endpoints of the v3 discovery service.", file: client + ["endpoints"]),
        Flag(
            "discovery-token", .string(\.configuration.cluster.discovery.token),
            "Token of this cluster in v3 discovery.", file: ["discovery-config", "token"]),
        Flag(
            "discovery-dial-timeout", .duration(\.configuration.cluster.discovery.dialTimeout),
            "Longest dial to v3 discovery.", file: client + ["dial-timeout"]),
        Flag(
            "discovery-request-timeout", .duration(\.configuration.cluster.discovery.requestTimeout),
            "Longest request to v3 discovery.", file: client + ["request-timeout"]),
        Flag(
            "discovery-keepalive-time", .duration(\.configuration.cluster.discovery.keepAliveTime),
            "Silence before a ping to v3 discovery.", file: client + ["keepalive-time"]),
        Flag(
            "discovery-keepalive-timeout", .duration(\.configuration.cluster.discovery.keepAliveTimeout),
            "Wait for the answer to that ping.", file: client + ["keepalive-timeout"]),
        Flag(
            "discovery-insecure-transport",
            .boolean(\.configuration.cluster.discovery.credentials.insecureTransport),
            "Reach v3 discovery without TLS.", file: client + ["secure", "insecure-transport"]),
        Flag(
            "discovery-insecure-skip-tls-verify",
            .boolean(\.configuration.cluster.discovery.credentials.insecureSkipTLSVerify),
            "Do not verify the certificate of v3 discovery.",
            file: client + ["secure", "insecure-skip-tls-verify"]),
        Flag(
            "discovery-cert", .string(\.configuration.cluster.discovery.credentials.certificateFile),
            "Client certificate for v3 discovery.", file: client + ["secure", "cert"]),
        Flag(
            "discovery-key", .string(\.configuration.cluster.discovery.credentials.keyFile),
            "Key of that certificate.", file: client + ["secure", "key"]),
        Flag(
            "discovery-cacert", .string(\.configuration.cluster.discovery.credentials.trustedCAFile),
            "CA that signs v3 discovery.", file: client + ["secure", "cacert"]),
        Flag(
            "discovery-user", .string(\.configuration.cluster.discovery.credentials.user),
            "User (user or user:password) at v3 discovery.", file: client + ["auth", "username"]),
        Flag(
            "discovery-password", .string(\.configuration.cluster.discovery.credentials.password),
            "Password of that user.", file: client + ["auth", "password"]),
    ]

    static let versionTwo: [Flag] = [
        Flag("enable-v2", .boolean(\.versionTwo.enabled), "Serve the v2 API: ignored."),
        Flag(
            "enable-v2v3", .string(\.versionTwo.emulationPrefix), "Emulate v2 on v3: ignored.",
            experimental: true),
        Flag(
            "v2-deprecation",
            .choice(
                \.versionTwo.deprecation,
                of: ["not-yet", "write-only", "write-only-skip-check", "write-only-drop-data", "gone"]),
            "Phase of the removal of v2: without effect."),
        Flag("proxy", .choice(\.versionTwo.proxy, of: ["off", "readonly", "on"]), "v2 proxy: only off."),
        Flag(
            "proxy-failure-wait", .milliseconds(\.versionTwo.proxyFailureWait), "v2 proxy: without effect."),
        Flag(
            "proxy-refresh-interval", .milliseconds(\.versionTwo.proxyRefreshInterval),
            "v2 proxy: without effect."),
        Flag(
            "proxy-dial-timeout", .milliseconds(\.versionTwo.proxyDialTimeout), "v2 proxy: without effect."),
        Flag(
            "proxy-write-timeout", .milliseconds(\.versionTwo.proxyWriteTimeout),
            "v2 proxy: without effect."),
        Flag(
            "proxy-read-timeout", .milliseconds(\.versionTwo.proxyReadTimeout), "v2 proxy: without effect."),
    ]
}
