/// Everything the daemon was told, resolved and checked: the only form in which `Server` sees its
/// parameters.
///
/// `StartCommand.parse` makes it from the command line, the environment or a file. Values that etcd
/// derives (data directory from the name, initial cluster from name and peer URLs) are already filled
/// in; zeroes that mean "the default" are already replaced. Each field names the flag it comes from.
/// Source: spec/config.md section 3.
package struct ServerConfiguration: Sendable, Equatable {
    package var member = Member()
    package var listeners = Listeners()
    package var cluster = Cluster()
    package var consensus = Consensus()
    package var storage = Storage()
    package var limits = Limits()
    package var compaction = Compaction()
    package var security = Security()
    package var logs = Logs()
    package var web = Web()
    package var diagnostics = Diagnostics()
    package var features = FeatureGates()

    package init() {}
}

extension ServerConfiguration {
    /// Who this member is and where it keeps its files.
    package struct Member: Sendable, Equatable {
        /// `--name`. Unique in the cluster.
        package var name = "default"
        /// `--data-dir`; empty only before resolution, then `<name>.etcd` in the working directory.
        package var dataDirectory = ""
        /// `--wal-dir`; empty only before resolution, then `<data-dir>/member/wal`.
        package var walDirectory = ""
    }

    /// Where the member accepts connections.
    package struct Listeners: Sendable, Equatable {
        /// `--listen-peer-urls`, sorted by text.
        package var peerURLs = [ListenURL.defaultPeer]
        /// `--listen-client-urls`, sorted by text: gRPC, and HTTP/1.1 unless `clientHTTPURLs` is set.
        package var clientURLs = [ListenURL.defaultClient]
        /// `--listen-client-http-urls`: HTTP only. Not empty: `clientURLs` serve gRPC only.
        package var clientHTTPURLs: [ListenURL] = []
        /// `--listen-metrics-urls`: /metrics and the health pages only.
        package var metricsURLs: [ListenURL] = []
        /// `--socket-reuse-port` (SO_REUSEPORT).
        package var reusePort = false
        /// `--socket-reuse-address` (SO_REUSEADDR).
        package var reuseAddress = false
    }

    /// How the cluster is formed and what this member tells others.
    package struct Cluster: Sendable, Equatable {
        /// `--initial-advertise-peer-urls`, sorted by text.
        package var advertisePeerURLs = [ListenURL.defaultPeer]
        /// `--advertise-client-urls`, sorted by text.
        package var advertiseClientURLs = [ListenURL.defaultClient]
        /// `--initial-cluster` as written (or derived). `InitialCluster.parse` reads it; an already
        /// initialised member never does, as in etcd.
        package var initialCluster = "default=http://localhost:2380"
        /// `--initial-cluster-state`.
        package var initialState = InitialState.new
        /// `--initial-cluster-token`; part of the cluster and member ids.
        package var token = "etcd-cluster"
        /// `--force-new-cluster`.
        package var forceNewCluster = false
        /// `--strict-reconfig-check`.
        package var strictReconfigCheck = true
        /// `--max-learners`.
        package var learnersMax = 1
        package var discovery = Discovery()
    }

    /// `--initial-cluster-state`.
    package enum InitialState: String, Sendable {
        case new, existing
    }

    /// The ways to find members that this build parses but refuses (see `UnsupportedFeature`).
    package struct Discovery: Sendable, Equatable {
        /// `--discovery`, the version 2 service.
        package var url = ""
        /// `--discovery-proxy`.
        package var proxy = ""
        /// `--discovery-fallback`: `exit` or `proxy`.
        package var fallback = "exit"
        /// `--discovery-srv`, a DNS domain.
        package var srvDomain = ""
        /// `--discovery-srv-name`.
        package var srvName = ""
        /// `--discovery-endpoints`, the version 3 service.
        package var endpoints: [String] = []
        /// `--discovery-token`.
        package var token = ""
        /// `--discovery-dial-timeout`.
        package var dialTimeout = Duration.seconds(2)
        /// `--discovery-request-timeout`.
        package var requestTimeout = Duration.seconds(5)
        /// `--discovery-keepalive-time`.
        package var keepAliveTime = Duration.seconds(2)
        /// `--discovery-keepalive-timeout`.
        package var keepAliveTimeout = Duration.seconds(6)
        package var credentials = DiscoveryCredentials()
    }

    /// `--discovery-insecure-transport` … `--discovery-password`.
    package struct DiscoveryCredentials: Sendable, Equatable {
        package var insecureTransport = true
        package var insecureSkipTLSVerify = false
        package var certificateFile = ""
        package var keyFile = ""
        package var trustedCAFile = ""
        package var user = ""
        package var password = ""
    }

    /// Ticks, elections, and when the raft log is cut.
    package struct Consensus: Sendable, Equatable {
        /// `--heartbeat-interval`: one raft tick, > 0.
        package var heartbeatInterval = Duration.milliseconds(100)
        /// `--election-timeout`: at least five heartbeats, at most 50 s.
        package var electionTimeout = Duration.milliseconds(1000)
        /// `--initial-election-tick-advance`.
        package var initialElectionTickAdvance = true
        /// `--pre-vote`.
        package var preVote = true
        /// `--snapshot-count`: a snapshot when more entries than this were applied since the last one.
        package var snapshotCount: UInt = 100_000
        /// `--snapshot-catchup-entries`: entries kept in memory behind a snapshot.
        package var snapshotCatchUpEntries: UInt = 5000
        /// `--max-snapshots`: files kept, 0 = all.
        package var snapshotsMax: UInt = 5
        /// `--max-wals`: files kept, 0 = all.
        package var walsMax: UInt = 5
        /// `--raft-read-timeout`, never below 5 s.
        package var readTimeout = Duration.seconds(5)
        /// `--raft-write-timeout`, never below 5 s.
        package var writeTimeout = Duration.seconds(5)

        /// The election timeout in ticks, as etcd counts them (integer division).
        package var electionTicks: Int { Int(electionTimeout / heartbeatInterval) }
    }
}
