import MVCC
import Net
import Raft
import Store

/// The limits and intervals the calls go by; from the configuration.
package struct ServicesLimits: Sendable {
    /// --max-request-bytes: bound of an encoded InternalRaftRequest.
    package var requestBytesMax = 1_572_864
    /// --max-txn-ops.
    package var txnOperationsMax = 128
    /// --quota-backend-bytes as given: 0 means 2 GiB, negative no limit.
    package var quotaBackendBytes: Int64 = 0
    /// --election-timeout.
    package var electionTimeout: Duration = .milliseconds(1000)
    /// --watch-progress-notify-interval.
    package var progressInterval: Duration = .seconds(600)
    /// --strict-reconfig-check.
    package var strictReconfigCheck = true
    /// --max-learners.
    package var learnersMax = 1
    /// --bcrypt-cost.
    package var bcryptCost = 10
    /// Whether leases' remaining time is written to the log (feature LeaseCheckpoint, off by default).
    package var leaseCheckpoints = false

    package init() {}

    /// What Status reports as dbSizeQuota.
    var quotaReported: Int64 { quotaBackendBytes == 0 ? 2_147_483_648 : quotaBackendBytes }

    /// The bytes the gate holds the database below; nil: no limit.
    var quotaBytes: Int64? { quotaBackendBytes < 0 ? nil : quotaReported }

    /// 5 s for the queue and the disk, and time for two elections (spec/errors.md 4). Added up, for a
    /// product of a Duration is made by unspecialized code, on every request.
    var requestTimeout: Duration { .seconds(5) + electionTimeout + electionTimeout }

    /// A watch response of at least this many bytes is split where the watcher allowed it: what gRPC
    /// clients accept in one message, --max-request-bytes and 512 KiB.
    var fragmentBytes: Int { watchFragmentBytes ?? requestBytesMax + 524_288 }

    /// Set to split watch responses at another size than `fragmentBytes` says.
    package var watchFragmentBytes: Int?
}

/// What all loops share: who we are, and the doors to the rest of the server.
package struct ServicesContext: Sendable {
    package var member: MemberID
    package var clusterID: UInt64
    /// The version Status and /version report, e.g. `3.6.0`.
    package var version: String
    package var limits: ServicesLimits
    package var engine: any Engine
    package var keyspace: Keyspace
    package var lessor: Lessor
    package var membership: Membership
    package var alarms: Alarms
    package var auth: AuthStore
    package var metrics: CallMetrics
    /// Ids of this start of the member.
    package var boot: RequestIDs.Boot
    /// The clock of deadlines and leases; the same one the apply thread grants leases by.
    package var clock: @Sendable () -> MonotonicTime
    /// Told of each call that ends and how long it took; nil: nobody asks, and no call is timed.
    package var observeHandling: (@Sendable (Method, Duration) -> Void)?

    /// The version whose storage format and additions this server has; nil below 3.6, which did not
    /// report one.
    var storageVersion: ClusterVersion? {
        guard let full = ClusterVersion(version), (full.major, full.minor) >= (3, 6) else { return nil }
        return ClusterVersion(major: full.major, minor: full.minor)
    }

    package init(
        member: MemberID, clusterID: UInt64, version: String, limits: ServicesLimits,
        engine: any Engine, keyspace: Keyspace, lessor: Lessor, membership: Membership, alarms: Alarms,
        auth: AuthStore, metrics: CallMetrics, boot: RequestIDs.Boot,
        clock: @escaping @Sendable () -> MonotonicTime = { MonotonicTime.now() }
    ) {
        self.member = member
        self.clusterID = clusterID
        self.version = version
        self.limits = limits
        self.engine = engine
        self.keyspace = keyspace
        self.lessor = lessor
        self.membership = membership
        self.alarms = alarms
        self.auth = auth
        self.metrics = metrics
        self.boot = boot
        self.clock = clock
    }
}
