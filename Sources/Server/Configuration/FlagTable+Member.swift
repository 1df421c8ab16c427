extension FlagTable {
    static let member: [Flag] = [
        Flag("name", .string(\.configuration.member.name), "Name of this member, unique in its cluster."),
        Flag(
            "data-dir", .string(\.configuration.member.dataDirectory), "Directory of the member's data.",
            shown: "${name}.etcd"),
        Flag(
            "wal-dir", .string(\.configuration.member.walDirectory),
            "Directory of the write-ahead log alone."),
        Flag(
            "snapshot-count", .unsigned(\.configuration.consensus.snapshotCount),
            "Applied entries after which a snapshot is taken."),
        Flag(
            "max-snapshots", .unsigned(\.configuration.consensus.snapshotsMax),
            "Snapshot files kept (0: all)."),
        Flag("max-wals", .unsigned(\.configuration.consensus.walsMax), "Log segments kept (0: all)."),
        Flag(
            "heartbeat-interval", .milliseconds(\.configuration.consensus.heartbeatInterval),
            "Milliseconds between heartbeats."),
        Flag(
            "election-timeout", .milliseconds(\.configuration.consensus.electionTimeout),
            "Milliseconds without a leader before an election."),
        Flag(
            "initial-election-tick-advance", .boolean(\.configuration.consensus.initialElectionTickAdvance),
            "Shorten the wait for the first election at start."),
        Flag(
            "listen-peer-urls", .urls(\.configuration.listeners.peerURLs),
            "URLs on which other members are accepted."),
        Flag(
            "listen-client-urls", .urls(\.configuration.listeners.clientURLs),
            "URLs on which clients are accepted."),
        Flag(
            "listen-client-http-urls", .urlsOrNone(\.configuration.listeners.clientHTTPURLs),
            "URLs for clients without gRPC; the client URLs then serve gRPC only."),
        Flag(
            "quota-backend-bytes", .integer(\.configuration.storage.quotaBackendBytes),
            "Size of the database at which writes stop (0: 2 GiB, negative: none)."),
        Flag(
            "backend-bbolt-freelist-type", .string(\.configuration.storage.freelistType),
            "Without effect: the database is not bbolt.", experimental: true),
        Flag(
            "backend-batch-interval", .duration(\.configuration.storage.batchInterval),
            "Longest time between two commits of the database (0: 100ms)."),
        Flag(
            "backend-batch-limit", .integer(\.configuration.storage.batchLimit),
            "Changes after which the database is committed (0: 10000)."),
        Flag(
            "raft-read-timeout", .duration(\.configuration.consensus.readTimeout),
            "Longest silence while reading from a member (at least 5s).", file: []),
        Flag(
            "raft-write-timeout", .duration(\.configuration.consensus.writeTimeout),
            "Longest wait while writing to a member (at least 5s).", file: []),
        Flag(
            "memory-mlock", .boolean(\.configuration.storage.memoryLock),
            "Keep the database in memory.", experimental: true),
        Flag(
            "snapshot-catchup-entries", .unsigned(\.configuration.consensus.snapshotCatchUpEntries),
            "Entries kept in memory behind a snapshot for slow members.", experimental: true),
        Flag(
            "socket-reuse-port", .boolean(\.configuration.listeners.reusePort),
            "Set SO_REUSEPORT on listeners.", file: ["socket-options", "reuse-port"]),
        Flag(
            "socket-reuse-address", .boolean(\.configuration.listeners.reuseAddress),
            "Set SO_REUSEADDR on listeners.", file: ["socket-options", "reuse-address"]),
    ]

    static let limits: [Flag] = [
        Flag(
            "max-txn-ops", .unsigned(\.configuration.limits.transactionOperations),
            "Most operations in a transaction."),
        Flag(
            "max-request-bytes", .unsigned(\.configuration.limits.requestBytes),
            "Largest request in bytes."),
        Flag(
            "max-concurrent-streams", .unsigned32(\.configuration.limits.concurrentStreams),
            "Most calls a client may have open on one connection."),
        Flag(
            "grpc-keepalive-min-time", .duration(\.configuration.limits.keepAliveMinTime),
            "Least time between two pings of a client."),
        Flag(
            "grpc-keepalive-interval", .duration(\.configuration.limits.keepAliveInterval),
            "Silence after which a client is pinged (0: never)."),
        Flag(
            "grpc-keepalive-timeout", .duration(\.configuration.limits.keepAliveTimeout),
            "Wait for the answer to a ping before the connection is closed (0: no pings)."),
    ]

    static let auth: [Flag] = [
        Flag(
            "auth-token", .string(\.configuration.security.authToken),
            "Kind of token with its options: simple, or jwt,…"),
        Flag(
            "bcrypt-cost", .unsigned(\.configuration.security.bcryptCost),
            "Cost of a password hash, 4 to 31."),
        Flag(
            "auth-token-ttl", .seconds(\.configuration.security.authTokenTTL),
            "Seconds for which a simple token lives."),
    ]

    static let unsafeFlags: [Flag] = [
        Flag(
            "unsafe-no-fsync", .boolean(\.configuration.storage.unsafeNoFsync),
            "Never sync files: a crash of the machine loses data."),
        Flag(
            "force-new-cluster", .boolean(\.configuration.cluster.forceNewCluster),
            "Make this member a cluster of its own, with its data."),
    ]
}
