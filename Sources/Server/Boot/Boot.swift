import Backend
import Journal
import Logging
import MVCC
import Peers
import Raft
import Store

/// What a member is made of when its threads start.
struct Boot: ~Copyable {
    let log: DurableLog
    let metadata: LogMetadata
    let start: Node.Start
    /// Position of the newest recorded snapshot; 0 for none.
    let lastSnapshot: LogIndex
    /// Its file; nil when there is none, or no sound one.
    let newestFile: SnapshotMetadata?
    let environment: Environment
    let keyspace: Keyspace
    let state: StoredState
    /// The other members as they are known before the log tells of them.
    let founders: [PeerAddress]
}

/// Reads back, or founds, the member of a configuration.
///
/// The log is the truth. The database may lag behind it (what is missing is applied again), or be lost or
/// damaged: then it is rebuilt from the newest sound snapshot, or from nothing when the log still reaches
/// back to its first entry. It must not be ahead of the log.
struct Booter {
    let configuration: ServerConfiguration
    let directory: DataDirectory
    let logger: Logger
    /// What the log is written through.
    let disk: any Disk
    /// The addresses of a host name, for the check of --initial-cluster.
    let resolve: (String) -> [String]

    func boot() throws(BootError) -> Boot {
        try directory.prepare()
        // Before anything is read or removed: a process that uses this directory may be writing it.
        let lock = try backend { () throws(BackendError) in try ProcessLock(database: directory.database) }
        try journal { () throws(JournalError) in
            try SnapshotDirectory(directory.snapshots).removeTemporaries()
        }
        let isInitialised = try journal { () throws(JournalError) in
            try DurableLog.exists(in: directory.wal)
        }
        let opener = DatabaseOpener(configuration: configuration, directory: directory, lock: lock)
        return isInitialised ? try restart(opener) : try found(opener)
    }

    private var logOptions: LogOptions { LogOptions(unsafeNoFsync: configuration.storage.unsafeNoFsync) }

    // A new member.

    private func found(_ opener: DatabaseOpener) throws(BootError) -> Boot {
        let newcomer = try newcomer()
        let database = try opener.openAsIs()
        let state = database.state
        guard state.consistentIndex == LogIndex(0) else {
            throw BootError(
                "database \(directory.database) holds entries up to index \(state.consistentIndex.rawValue), "
                    + "but there is no log in \(directory.wal)")
        }
        let metadata = LogMetadata(memberID: newcomer.localID, clusterID: newcomer.clusterID)
        let log = try journal { () throws(JournalError) in
            try DurableLog.create(in: directory.wal, metadata: metadata, options: logOptions, disk: disk)
        }
        logger.info(
            "starting local member",
            metadata: [
                "local-member-id": "\(newcomer.localID.hex)",
                "cluster-id": "\(String(newcomer.clusterID, radix: 16))",
            ])
        return Boot(
            log: log, metadata: metadata, start: newcomer.start, lastSnapshot: LogIndex(0), newestFile: nil,
            environment: database.environment, keyspace: database.keyspace, state: state,
            founders: newcomer.others)
    }

    // A member that ran before.

    private func restart(_ opener: DatabaseOpener) throws(BootError) -> Boot {
        let recorded = try journal { () throws(JournalError) in
            try DurableLog.validSnapshots(in: directory.wal)
        }
        let database = try database(opener, recorded: recorded)
        let state = database.state
        // Everything up to the consistent index is in the database: the log is read from the newest
        // snapshot record at or before it. That a file of that snapshot is gone or damaged does not matter.
        let base = recorded.filter { $0.index <= state.consistentIndex }.max() ?? .zero
        let newest = try journal { () throws(JournalError) in
            try SnapshotDirectory(directory.snapshots).newest(among: [base], scrutiny: .ends)
        }
        let recovery = try journal { () throws(JournalError) in
            try DurableLog.recover(in: directory.wal, from: base, options: logOptions, disk: disk)
        }
        report(recovery.report)
        let last = recovery.entries.last?.id ?? base
        guard state.consistentIndex <= last.index else {
            throw BootError(
                "database \(directory.database) is at index \(state.consistentIndex.rawValue), "
                    + "ahead of the log, which ends at \(last.index.rawValue)")
        }
        // The commit index is not synced by itself; what the database holds was committed.
        var hardState = recovery.hardState
        hardState.commit = max(hardState.commit, state.consistentIndex)
        let applied = SnapshotMetadata(
            id: EntryID(term: state.consistentTerm, index: state.consistentIndex),
            configuration: state.configuration ?? ConfigurationState())
        let metadata = recovery.metadata
        try refuseIfRemoved(metadata.memberID, state)
        var entries = recovery.entries
        let isPristine = entries.isEmpty && recovery.hardState == HardState() && base == .zero
        var log = recovery.intoLog()
        if isPristine, configuration.cluster.initialState == .new {
            return try foundAgain(log, metadata, database)
        }
        if configuration.cluster.forceNewCluster {
            let forced = try ForcedCluster(
                localID: metadata.memberID, base: base, entries: entries, hardState: hardState,
                configuration: applied.configuration, applied: state.consistentIndex)
            entries = entries.prefix { $0.index <= forced.kept.index } + forced.added
            hardState = forced.hardState
            try journal { () throws(JournalError) in
                try log.save(forced.added, hardState: hardState, mustSync: true)
            }
            logger.warning(
                "forcing a cluster of one member",
                metadata: ["removed-members": .stringConvertible(forced.added.count)])
        }
        let start = Node.Restart(
            hardState: hardState, compacted: base, entries: entries, applied: applied)
        announce(metadata, hardState, state)
        return Boot(
            log: log, metadata: metadata, start: .restart(start), lastSnapshot: base.index,
            newestFile: newest.snapshot?.metadata, environment: database.environment,
            keyspace: database.keyspace, state: state, founders: [])
    }

    private func announce(_ metadata: LogMetadata, _ hardState: HardState, _ state: StoredState) {
        logger.info(
            "restarting local member",
            metadata: [
                "local-member-id": "\(metadata.memberID.hex)",
                "cluster-id": "\(String(metadata.clusterID, radix: 16))",
                "commit-index": .stringConvertible(hardState.commit.rawValue),
                "consistent-index": .stringConvertible(state.consistentIndex.rawValue),
            ])
    }

    /// 1. A founder has made its log. 2. It is killed before the first write, which carries the founding
    /// entries. 3. Started from that log it would have no configuration, and never elect or be elected.
    /// It has promised nothing yet, so it founds again.
    private func foundAgain(
        _ log: consuming DurableLog, _ metadata: LogMetadata, _ database: OpenDatabase
    ) throws(BootError) -> Boot {
        let newcomer = try newcomer()
        guard newcomer.localID == metadata.memberID, newcomer.clusterID == metadata.clusterID else {
            throw BootError(
                "the empty log in \(directory.wal) is of member \(metadata.memberID.hex), "
                    + "which --initial-cluster does not name; remove \(directory.member) to found another")
        }
        return Boot(
            log: log, metadata: metadata, start: newcomer.start, lastSnapshot: LogIndex(0), newestFile: nil,
            environment: database.environment, keyspace: database.keyspace, state: database.state,
            founders: newcomer.others)
    }

    /// What the others know, too: a removed member would only be told so.
    private func refuseIfRemoved(_ id: MemberID, _ state: StoredState) throws(BootError) {
        guard state.removed.contains(id), !configuration.cluster.forceNewCluster else { return }
        throw BootError(
            "the member has been permanently removed from the cluster; "
                + "the data-dir \(directory.root) used by this member must be removed")
    }

    private func report(_ report: RecoveryReport) {
        guard let repair = report.repair else { return }
        logger.warning(
            "repaired WAL: its last record was torn by a crash",
            metadata: [
                "path": "\(repair.path)", "offset": .stringConvertible(repair.offset),
                "copy": "\(repair.copyPath)",
            ])
    }

    /// The database and what it holds; rebuilt when it is lost or damaged.
    private func database(_ opener: DatabaseOpener, recorded: [EntryID]) throws(BootError) -> OpenDatabase {
        let rebuilder = DatabaseRebuilder(directory: directory, logger: logger)
        if rebuilder.databaseExists {
            var end = LogIndex(.max)
            do throws(DatabaseOpener.Failure) {
                let opened = try opener.open()
                end = opened.state.consistentIndex
                // The member's own snapshots are made from its database, which so is never behind them.
                guard let newest = recorded.max(), end < newest.index else { return opened }
            } catch .damaged(let reason) {
                try rebuilder.setDatabaseAside()
                try rebuilder.rebuild(recorded: recorded, reason: reason)
            } catch {
                throw error.bootError
            }
            try rebuilder.catchUp(from: end, recorded: recorded)
        } else {
            try rebuilder.rebuild(recorded: recorded, reason: "it is missing")
        }
        return try opener.openAsIs()
    }

    private func backend<R>(_ body: () throws(BackendError) -> R) throws(BootError) -> R {
        do throws(BackendError) { return try body() } catch { throw BootError(describe(error)) }
    }

    private func journal<R: ~Copyable>(_ body: () throws(JournalError) -> R) throws(BootError) -> R {
        do throws(JournalError) { return try body() } catch { throw BootError(describe(error)) }
    }
}
