/// All parameters, in the groups `--help` shows. Source: spec/config.md section 3.
enum FlagTable {
    struct Group: Sendable {
        let title: String
        let flags: [Flag]
    }

    static let groups: [Group] = [
        Group(title: "Member", flags: member + limits),
        Group(title: "Clustering", flags: clustering + discovery),
        Group(title: "Security", flags: clientSecurity + peerSecurity),
        Group(title: "Auth", flags: auth),
        Group(title: "Profiling and Monitoring", flags: monitoring),
        Group(title: "Logging", flags: logging),
        Group(title: "Distributed tracing", flags: tracing),
        Group(title: "Checks and compaction", flags: checks),
        Group(title: "Features", flags: features),
        Group(title: "Unsafe", flags: unsafeFlags),
        Group(title: "v2 (accepted for old unit files; this server has no v2)", flags: versionTwo),
        Group(title: "Retired (accepted for old unit files)", flags: retired),
    ]

    /// Those of every group and the ones without a group, by each of their names.
    static let byName: [String: Flag] = {
        var table: [String: Flag] = [:]
        for flag in all {
            for name in flag.names { table[name] = flag }
        }
        return table
    }()

    static let all: [Flag] = groups.flatMap(\.flags) + commands

    /// Names in the order in which etcd visits them (sorted), for the environment.
    static let sortedNames: [String] = byName.keys.sorted()

    private static let commands: [Flag] = [
        Flag("config-file", .string(\.configFile), "Path of the configuration file.", file: []),
        Flag("version", .boolean(\.printVersion), "Print the version and exit.", file: []),
    ]

    private static let retired: [Flag] = [
        Flag("debug", .boolean(\.retired.debug), "Same as --log-level=debug."),
        Flag("ca-file", .string(\.retired.caFile), "Same as --trusted-ca-file with --client-cert-auth."),
        Flag(
            "peer-ca-file", .string(\.retired.peerCAFile),
            "Same as --peer-trusted-ca-file with --peer-client-cert-auth."),
        ignored("log-output", takesValue: true),
        ignored("log-package-levels", takesValue: true),
        ignored("cluster-active-size"), ignored("cluster-remove-delay"), ignored("cluster-sync-interval"),
        ignored("config"), ignored("force"), ignored("max-result-buffer"), ignored("max-retry-attempts"),
        ignored("peer-heartbeat-interval"), ignored("peer-election-timeout"), ignored("retry-interval"),
        ignored("snapshot"), ignored("v"), ignored("vv"), ignored("test.coverprofile"),
        ignored("test.outputdir"),
    ]

    private static func ignored(_ name: String, takesValue: Bool = false) -> Flag {
        Flag(name, .ignored(takesValue: takesValue), "No longer supported, ignored.", file: [])
    }
}
