extension ServerConfiguration {
    /// The database and the write-ahead log.
    package struct Storage: Sendable, Equatable {
        /// `--quota-backend-bytes`: resolved; nil = no quota. 0 on the command line means 2 GiB.
        package var quotaBytes: Int? { quotaBackendBytes < 0 ? nil : quotaBackendBytes }
        /// The flag's value after 0 became 2 GiB; negative = no quota.
        package var quotaBackendBytes = 0
        /// `--backend-batch-interval`: longest time between two commits; resolved from 0 to 100 ms.
        package var batchInterval = Duration.zero
        /// `--backend-batch-limit`: most buffered operations before a commit; resolved from 0 to 10000.
        package var batchLimit = 0
        /// `--backend-bbolt-freelist-type`: of no meaning to LMDB, kept for the round trip.
        package var freelistType = "map"
        /// `--unsafe-no-fsync`: neither the WAL nor the database is synced.
        package var unsafeNoFsync = false
        /// `--memory-mlock`.
        package var memoryLock = false
        /// `--bootstrap-defrag-threshold-megabytes`, 0 = off.
        package var bootstrapDefragThresholdMegabytes: UInt = 0

        package static let defaultQuotaBytes = 2 << 30
        package static let defaultBatchInterval = Duration.milliseconds(100)
        package static let defaultBatchLimit = 10_000
    }

    /// What one client may ask for, and when a silent one is dropped.
    package struct Limits: Sendable, Equatable {
        /// `--max-txn-ops`.
        package var transactionOperations: UInt = 128
        /// `--max-request-bytes`; a gRPC message may be 512 KiB longer, as in etcd.
        package var requestBytes: UInt = 1_572_864
        /// `--max-concurrent-streams` of one HTTP/2 connection.
        package var concurrentStreams = UInt32.max
        /// `--grpc-keepalive-min-time`: a client that pings more often is cut off.
        package var keepAliveMinTime = Duration.seconds(5)
        /// `--grpc-keepalive-interval`: server pings, zero = none.
        package var keepAliveInterval = Duration.seconds(7200)
        /// `--grpc-keepalive-timeout`: wait for the answer, zero = no pings.
        package var keepAliveTimeout = Duration.seconds(20)
    }

    /// When old revisions go.
    package struct Compaction: Sendable, Equatable {
        /// `--auto-compaction-mode` and `--auto-compaction-retention` together.
        package var automatic = AutomaticCompaction.off
        /// `--compaction-batch-limit`: revisions per slice; resolved from 0 to 1000.
        package var batchLimit = 0
        /// `--compaction-sleep-interval` between slices; resolved from 0 to 10 ms.
        package var sleepInterval = Duration.zero

        package static let defaultBatchLimit = 1000
        package static let defaultSleepInterval = Duration.milliseconds(10)
    }

    /// Automatic compaction; it acts only while this member leads.
    package enum AutomaticCompaction: Sendable, Equatable {
        case off
        /// Keep what is younger than this.
        case periodic(Duration)
        /// Keep this many revisions; looked at every 5 minutes.
        case revision(Int64)
    }

    /// Certificates and tokens.
    package struct Security: Sendable, Equatable {
        package var client = TLS()
        package var peer = TLS()
        /// `--self-signed-cert-validity` in years.
        package var selfSignedValidityYears: UInt = 1
        /// `--cipher-suites`, IANA names.
        package var cipherSuites: [String] = []
        /// `--tls-min-version`.
        package var tlsMinVersion = TLSVersion.tls12
        /// `--tls-max-version`; nil = the newest.
        package var tlsMaxVersion: TLSVersion?
        /// `--auth-token`: `simple`, `jwt,…`, or empty for none.
        package var authToken = "simple"
        /// `--bcrypt-cost`, 4...31.
        package var bcryptCost: UInt = 10
        /// `--auth-token-ttl`.
        package var authTokenTTL = Duration.seconds(300)
    }

    /// One side's TLS flags; the peer twins are called `--peer-…`.
    package struct TLS: Sendable, Equatable {
        /// `--cert-file`.
        package var certificateFile = ""
        /// `--key-file`.
        package var keyFile = ""
        /// `--client-cert-file`.
        package var clientCertificateFile = ""
        /// `--client-key-file`.
        package var clientKeyFile = ""
        /// `--client-cert-auth`.
        package var clientCertificateAuth = false
        /// `--trusted-ca-file`.
        package var trustedCAFile = ""
        /// `--client-crl-file`, `--peer-crl-file`.
        package var revocationListFile = ""
        /// `--peer-cert-allowed-cn`.
        package var allowedCommonNames: [String] = []
        /// `--client-cert-allowed-hostname`, `--peer-cert-allowed-hostname`.
        package var allowedHostnames: [String] = []
        /// `--auto-tls`, `--peer-auto-tls`.
        package var automatic = false
        /// `--peer-skip-client-san-verification`.
        package var skipClientSANVerification = false

        /// Whether any file or mode that asks for TLS is set.
        package var isRequested: Bool { self != TLS() }
    }

    /// `TLS1.2`, `TLS1.3`.
    package enum TLSVersion: String, Sendable {
        case tls12 = "TLS1.2"
        case tls13 = "TLS1.3"
    }
}
