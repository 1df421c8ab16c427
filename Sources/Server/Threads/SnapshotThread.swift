import Backend
import Journal
import Logging
import MVCC
import Net
import Raft
import Replication
import Store
import Telemetry

/// The thread that writes `.snap` files: the whole state as of one commit of the database, at most a tenth
/// of one core's time, one file at a time.
///
///     wanted ──▶ forSnapshot (flush) ──▶ flushed ──▶ file written ──▶ journal records it ──▶ recorded
///       ──▶ older files purged, replica told, peers that waited answered
///
/// The order is design.md 4.3: the file is complete, synced and named before the log speaks of it, and
/// the log speaks of it before anything older goes.
struct SnapshotThread {
    private let environment: Environment
    private let keyspace: Keyspace
    private let directory: SnapshotDirectory
    private let switchboard: Switchboard
    private let limits: RetentionLimits
    private let logger: Logger
    private let metrics: SnapshotMetrics
    private let answerPeer: @Sendable (PeerSnapshot) -> Void
    private var peers: PeerSnapshots
    private var isStopping = false

    /// The share of one core a snapshot may take (design.md 2, Snapshots).
    private static let processorShare = 0.1

    /// `newest` is the newest file the log has recorded. `answerPeer` is called on this thread.
    init(
        environment: Environment, keyspace: Keyspace, directory: SnapshotDirectory,
        newest: SnapshotMetadata?, switchboard: Switchboard, limits: RetentionLimits, logger: Logger,
        metrics: SnapshotMetrics, answerPeer: @escaping @Sendable (PeerSnapshot) -> Void
    ) {
        self.environment = environment
        self.keyspace = keyspace
        self.directory = directory
        self.switchboard = switchboard
        self.limits = limits
        self.logger = logger
        self.metrics = metrics
        self.answerPeer = answerPeer
        peers = PeerSnapshots(newest: newest)
    }

    /// Runs until told to stop; a snapshot under way is then given up.
    mutating func run() {
        while !isStopping {
            switchboard.snapshotBell.wait()
            takeInputs()
        }
    }

    private mutating func takeInputs() {
        var batch: [SnapshotInput] = []
        switchboard.snapshot.drain(into: &batch)
        for input in batch {
            switch input {
            case .wanted: switchboard.deliver(.forSnapshot, to: switchboard.flush)
            case .flushed: write()
            case .recorded(let metadata):
                take(metadata)
                switchboard.deliver(.event(.snapshotted(metadata.id)), to: switchboard.replica)
            case .received(let metadata): take(metadata)
            case .wantedForPeer(let member, let index): want(member, atLeast: index)
            case .sent(let member): peers.sent(to: member)
            case .stop: isStopping = true
            }
        }
    }

    private mutating func write() {
        keyspace.pauseCompaction()
        defer { keyspace.resumeCompaction() }
        do {
            let began = MonotonicTime.now()
            guard let summary = try writeFile() else { return }
            metrics.saveDuration.observe(MonotonicTime.now() - began)
            logger.info(
                "saved snapshot",
                metadata: [
                    "snapshot-index": .stringConvertible(summary.metadata.id.index.rawValue),
                    "records": .stringConvertible(summary.recordCount),
                    "bytes": .stringConvertible(summary.fileSize), "path": "\(summary.path)",
                ])
            switchboard.deliver(.record(summary.metadata), to: switchboard.replica)
        } catch {
            logger.error("failed to save snapshot", metadata: ["error": "\(Self.text(of: error))"])
            switchboard.deliver(.event(.snapshotFailed), to: switchboard.replica)
            for member in peers.failed() { answerPeer(.failed(member)) }
        }
    }

    private static func text(of error: any Error) -> String {
        switch error {
        case let error as JournalError: describe(error)
        case let error as BackendError: describe(error)
        default: "\(error)"
        }
    }

    /// Nil when the member stops meanwhile.
    private mutating func writeFile() throws -> SnapshotSummary? {
        let transaction = try environment.read()
        guard let metadata = try StoredState.position(in: transaction) else {
            throw BootError("the database has no consistent index yet")
        }
        var writer = try SnapshotWriter(in: directory, metadata: metadata)
        var throttle = Throttle(share: Self.processorShare)
        _ = throttle.pause()
        var failure: JournalError?
        for bucket in Bucket.allCases where !isStopping && failure == nil {
            try transaction.forEach(bucket) { key, value in
                do throws(JournalError) {
                    if try writer.append(bucket: bucket.name, key: key, value: value) {
                        rest(throttle.pause())
                    }
                } catch {
                    failure = error
                }
                return failure == nil && !isStopping
            }
        }
        if let failure { throw failure }
        return isStopping ? nil : try writer.finish()
    }

    /// Pauses, but hears of a stop.
    private mutating func rest(_ pause: Duration) {
        let end = MonotonicTime.now() + pause
        while !isStopping, MonotonicTime.now() < end {
            if switchboard.snapshotBell.wait(timeout: end - MonotonicTime.now()) { takeInputs() }
        }
    }

    /// A recorded file: peers that waited get it, older ones may go.
    private mutating func take(_ metadata: SnapshotMetadata) {
        let ready = peers.recorded(metadata)
        purge()
        if let newest = peers.newest { for member in ready { give(newest, to: member) } }
        if peers.isAwaited { switchboard.deliver(.event(.snapshotDemanded), to: switchboard.replica) }
    }

    private mutating func want(_ member: MemberID, atLeast index: LogIndex) {
        if let newest = peers.newest, !isThere(newest.id) { peers.forgetNewest() }
        if let file = peers.want(member, atLeast: index) { return give(file, to: member) }
        switchboard.deliver(.event(.snapshotDemanded), to: switchboard.replica)
    }

    private func give(_ file: SnapshotMetadata, to member: MemberID) {
        answerPeer(.ready(member, path: directory.path(of: file.id), file))
    }

    private func isThere(_ id: EntryID) -> Bool {
        do { return try directory.snapshots().contains(id) } catch { return false }
    }

    private func purge() {
        do throws(JournalError) {
            for path in try directory.purge(maxSnapshots: limits.snapshotsMax, held: peers.held) {
                logger.info("purged", metadata: ["path": "\(path)"])
            }
        } catch {
            logger.error("failed to purge snapshots", metadata: ["error": "\(describe(error))"])
        }
    }
}
