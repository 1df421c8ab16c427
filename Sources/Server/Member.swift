import Backend
import HTTP
import Journal
import Logging
import MVCC
import Net
import Peers
import Raft
import Replication
import Services
import Store
import Synchronization
import Telemetry

/// One running member: its shared parts, its mailboxes and its threads.
///
/// Starting order: peers, journal, apply, flush, snapshot and maintenance threads, then the loops (which do
/// not listen yet), then the replica, which elects, then the housekeeper, which publishes the member.
/// Stopping order: leadership given away, loops (no more requests), housekeeper, replica, peers, snapshot,
/// apply, flush (everything applied goes to the database), journal.
final class Member: Sendable {
    let configuration: ServerConfiguration
    let metadata: LogMetadata
    let keyspace: Keyspace
    let lessor: Lessor
    let membership: Membership
    let alarms: Alarms
    let auth: AuthStore
    let status = MemberStatus()
    let switchboard: Switchboard
    let sizes = BackendSizes()
    let link: EngineLink
    let calls: CallMetrics
    let registry: MetricsRegistry
    let metrics: ServerMetrics
    let applied = AppliedCounts()
    let ending: Ending
    let snapshots: SnapshotDirectory
    /// Whether `InitialCorruptionCheck` found nothing against serving.
    let isChecked = Atomic(false)
    /// What `ClusterVersionPoll` found last.
    let versionDecision = Mutex(VersionDecision.unasked)
    let boot: RequestIDs.Boot
    let fatal: FatalError
    let logger: Logger
    private let directory: DataDirectory
    private let threads = Mutex<[ThreadHandle]>([])
    private let loopThreads = Mutex<[ThreadHandle]>([])

    /// Takes over what was booted; no thread runs yet.
    init(
        configuration: ServerConfiguration, directory: DataDirectory, booted: borrowing Boot, loopCount: Int,
        log: DaemonLog, registry: MetricsRegistry, metrics: ServerMetrics
    ) throws {
        self.configuration = configuration
        self.directory = directory
        logger = log.logger
        fatal = FatalError(log: log)
        ending = Ending(logger: log.logger)
        snapshots = SnapshotDirectory(directory.snapshots, disk: MeasuringDisk(snapshots: metrics.snapshots))
        metadata = booted.metadata
        keyspace = booted.keyspace
        let consensus = configuration.consensus
        lessor = Lessor(
            minimumTTL: Lessor.minimumTTL(
                electionTicks: consensus.electionTicks,
                heartbeatMilliseconds: Int(consensus.heartbeatInterval / .milliseconds(1))))
        membership = Membership(localID: metadata.memberID, clusterID: metadata.clusterID)
        alarms = Alarms()
        let security = configuration.security
        let tokens = try TokenOption(security.authToken).makeProvider(simpleTTL: security.authTokenTTL)
        auth = AuthStore(provider: tokens)
        try booted.state.restore(
            lessor: lessor, membership: membership, alarms: alarms, auth: auth, keyspace: keyspace)
        switchboard = try Switchboard(loopCount: loopCount, passwordThreads: Processors.passwordThreads)
        link = EngineLink(
            switchboard: switchboard, status: status, sizes: sizes,
            passwordTimeout: .seconds(5) + consensus.electionTimeout * 2)
        calls = CallMetrics(loops: loopCount)
        self.registry = registry
        self.metrics = metrics
        boot = RequestIDs.Boot(member: metadata.memberID, microseconds: WallTime.microseconds())
    }

    var requestTimeout: Duration { .seconds(5) + configuration.consensus.electionTimeout * 2 }

    /// Starts every thread but the loops. `published` is called on the housekeeper's thread when the
    /// cluster knows this member.
    ///
    /// `peerSockets`: bound already; `budget`: of all connections.
    func start(
        _ booted: consuming Boot, peerSockets: [ListeningSocket], budget: ConnectionBudget,
        published: @escaping @Sendable () -> Void
    ) throws {
        try startPeers(sockets: peerSockets, founders: booted.founders, budget: budget)
        let replica = try makeReplica(start: booted.start, lastSnapshot: booted.lastSnapshot)
        let state = booted.state
        let (environment, newestFile) = (booted.environment, booted.newestFile)
        let retention = RetentionLimits(
            walsMax: Int(configuration.consensus.walsMax),
            snapshotsMax: Int(configuration.consensus.snapshotsMax))
        let replicaDesk = Desk(
            ReplicaWorker(
                replica: replica,
                journaler: Journaler(
                    log: booted.log, switchboard: switchboard, limits: retention, fatal: fatal,
                    written: metrics.disk.walWriteBytes),
                localID: metadata.memberID, lessor: lessor, switchboard: switchboard, status: status))
        try run("journal") { [switchboard] in JournalThread(switchboard: switchboard).run() }
        let applyDesk = try startApplying(state: state, environment: environment)
        link.connect(
            ShortPath(
                switchboard: switchboard, replica: replicaDesk, apply: applyDesk, keyspace: keyspace))
        try run("snapshot") { [environment, keyspace, snapshots, switchboard, logger, metrics] in
            var thread = SnapshotThread(
                environment: environment, keyspace: keyspace,
                directory: snapshots, newest: newestFile, switchboard: switchboard, limits: retention,
                logger: logger, metrics: metrics.snapshots,
                answerPeer: { [switchboard] answer in
                    switchboard.deliver(.snapshotForPeer(answer), to: switchboard.replica)
                })
            thread.run()
        }
        try run("maintenance") { [keyspace, directory, switchboard, metrics] in
            var thread = MaintenanceThread(
                keyspace: keyspace, directory: directory, switchboard: switchboard, metrics: metrics)
            thread.run()
        }
        for index in switchboard.passwords.indices {
            try run("passwords-\(index)") { [switchboard] in
                PasswordThread(index: index, switchboard: switchboard).run()
            }
        }
        let replicaThread = ReplicaThread(
            desk: replicaDesk, bell: switchboard.replicaBell,
            tickInterval: configuration.consensus.heartbeatInterval)
        try run("replica") { replicaThread.run() }
        try startHousekeeping(published)
    }

    /// The peer port is answered from here on.
    private func startPeers(
        sockets: [ListeningSocket], founders: [PeerAddress], budget: ConnectionBudget
    ) throws {
        try run("peers") { [self] in
            do {
                try PeersThread(member: self, sockets: sockets, founders: founders, budget: budget).run()
            } catch {
                fatal("the peer port cannot be served: \(error)")
            }
        }
    }

    private func makeReplica(start: Node.Start, lastSnapshot: LogIndex) throws -> Replica {
        let consensus = configuration.consensus
        let node = Node.Settings(
            id: metadata.memberID, electionTicks: UInt64(consensus.electionTicks),
            isPreVoting: consensus.preVote, seed: UInt64.random(in: .min ... .max))
        var limits = Replica.Limits()
        limits.catchUpEntries = UInt64(consensus.snapshotCatchUpEntries)
        let settings = Replica.Settings(
            node: node, snapshotCount: UInt64(consensus.snapshotCount), lastSnapshot: lastSnapshot,
            limits: limits)
        return try Replica(settings, start: start)
    }

    /// The apply worker owns the state machine, the flush thread what makes it durable.
    private func startApplying(state: StoredState, environment: Environment) throws -> Desk<ApplyWorker> {
        let demand = FlushDemand(
            keyspace: keyspace, bell: switchboard.flushBell, batchLimit: configuration.storage.batchLimit)
        let pace = FlushPace(
            interval: configuration.storage.batchInterval,
            compactionPause: configuration.compaction.sleepInterval)
        let flusher = Handover(
            Flusher(keyspace, compactionBatch: configuration.compaction.batchLimit))
        try run("flush") { [environment, switchboard, sizes, fatal, metrics] in
            FlushThread(
                flusher: flusher.take(), environment: environment, switchboard: switchboard, demand: demand,
                sizes: sizes, pace: pace, fatal: fatal, metrics: metrics
            ).run()
        }
        let machine = StateMachine(
            keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms, auth: auth,
            boot: boot, state: state, learnersMax: configuration.cluster.learnersMax,
            compacted: { [switchboard] revision in switchboard.tellLoops(.compacted(through: revision)) })
        let desk = Desk(
            ApplyWorker(
                machine: machine, lessor: lessor, localID: metadata.memberID, switchboard: switchboard,
                status: status, flushing: demand,
                electionTimeout: configuration.consensus.electionTimeout, fatal: fatal,
                snapshots: SnapshotDirectory(directory.snapshots),
                metrics: ApplyMetrics(
                    metrics, applied, warningDuration: configuration.diagnostics.warningApplyDuration,
                    logger: logger)))
        let thread = ApplyThread(desk: desk, bell: switchboard.applyBell, flushing: demand)
        try run("apply") { thread.run() }
        return desk
    }

    private func startHousekeeping(_ published: @escaping @Sendable () -> Void) throws {
        let version = ClusterVersion(Version.etcd) ?? ClusterVersion(major: 3, minor: 5)
        let identity = HousekeeperThread.Identity(
            id: metadata.memberID, name: configuration.member.name,
            clientURLs: configuration.cluster.advertiseClientURLs.map(\.description),
            version: ClusterVersion(major: version.major, minor: version.minor),
            requestTimeout: requestTimeout)
        let mode: AutoCompactor.Mode =
            switch configuration.compaction.automatic {
            case .off: .off
            case .periodic(let period): .periodic(period)
            case .revision(let count): .revision(count)
            }
        try run("housekeeper") { [self] in
            var thread = HousekeeperThread(
                member: identity, keyspace: keyspace, membership: membership, auth: auth,
                switchboard: switchboard, status: status, boot: boot, compaction: mode,
                mayServe: { [self] in isChecked.load(ordering: .acquiring) },
                versionDecision: { [self] in versionDecision.withLock { $0 } })
            thread.run(published: published)
        }
    }

    /// Starts a thread of this member's.
    private func run(_ name: String, _ body: @escaping @Sendable () -> Void) throws(NetError) {
        let handle = try ThreadHandle(name: name, body)
        threads.withLock { $0.append(handle) }
    }

    /// Starts the thread of event loop `index`.
    func runLoop(_ index: Int, _ body: @escaping @Sendable () -> Void) throws(NetError) {
        let handle = try ThreadHandle(name: "loop-\(index)", body)
        loopThreads.withLock { $0.append(handle) }
    }

    /// Before a leader goes, the voter it has heard longest takes over, so that nobody has to miss it first
    /// (spec/raft.md 6). Given up after the time of an election.
    private func handLeadershipOn() {
        let voters = membership.members.filter { !$0.isLearner && $0.id != metadata.memberID }
        let active = link.activePeers.filter { peer in voters.contains { $0.id == peer.key } }
        guard status.engineStatus.leader == metadata.memberID, !ending.isRemoved,
            let target = active.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })?.key,
            let bell = try? Doorbell()
        else { return }
        logger.info("leadership transfer starting", metadata: ["to": "\(target.hex)"])
        link.transferLeadership(to: target)
        let deadline = MonotonicTime.now() + configuration.consensus.electionTimeout * 2
        while status.engineStatus.leader == metadata.memberID, MonotonicTime.now() < deadline {
            bell.wait(timeout: .milliseconds(5))
        }
    }

    /// Lets requests in flight finish, writes everything down and joins all threads.
    func stop() {
        handLeadershipOn()
        switchboard.tellLoops(.drain)
        for thread in loopThreads.withLock({ $0 }) { thread.join() }
        switchboard.deliver(.drain, to: switchboard.housekeeper)
        switchboard.deliver(.stop, to: switchboard.replica)
        switchboard.deliver(.stop, to: switchboard.maintenance)
        switchboard.deliver(.stop, to: switchboard.snapshot)
        for passwords in switchboard.passwords { switchboard.deliver(.stop, to: passwords) }
        let all = threads.withLock { $0 }
        for name in ["housekeeper", "replica", "maintenance", "snapshot"] { all.join(name) }
        switchboard.deliver(.stop, to: switchboard.peers)
        all.join("peers")
        for index in switchboard.passwords.indices { all.join("passwords-\(index)") }
        switchboard.deliver(.stop, to: switchboard.apply)
        all.join("apply")
        switchboard.deliver(.stop, to: switchboard.flush)
        all.join("flush")
        switchboard.deliver(.stop, to: switchboard.journal)
        all.join("journal")
    }
}

/// A running thread that can be kept in a list.
final class ThreadHandle: Sendable {
    let name: String
    private let thread: Handover<Thread>

    init(name: String, _ body: @escaping @Sendable () -> Void) throws(NetError) {
        self.name = name
        thread = Handover(try Thread(name: name, body))
    }

    /// Waits for its end; once.
    func join() { thread.take().join() }
}

extension [ThreadHandle] {
    fileprivate func join(_ name: String) {
        for thread in self where thread.name == name { thread.join() }
    }
}
