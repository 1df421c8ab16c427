import Backend
import Glibc
import Journal
import MVCC
import Raft
import Store

/// What a restore makes a member of.
package struct RestorePlan: Sendable {
    /// A snapshot or database file, or a data directory.
    package var source: String
    package var dataDirectory: String
    /// Nil: `<data-dir>/member/wal`.
    package var walDirectory: String?
    /// The members of the new cluster, with ids.
    package var members: [ClusterMember]
    /// Which of them this is.
    package var localID: MemberID
    /// Accepts a snapshot without a digest behind it, and one whose digest is wrong.
    package var skipsHashCheck = false
    /// Added to the newest revision, which then counts as compacted.
    package var bumpRevision: Int64?

    package init(source: String, dataDirectory: String, members: [ClusterMember], localID: MemberID) {
        self.source = source
        self.dataDirectory = dataDirectory
        self.members = members.sorted { $0.id < $1.id }
        self.localID = localID
    }

    var wal: String { walDirectory ?? dataDirectory + "/member/wal" }
    var snapshots: String { dataDirectory + "/member/snap" }
    var database: String { snapshots + "/db" }
}

/// What a restore did.
package struct RestoreReport: Sendable {
    package var revision: Int64 = 1
    package var compactedRevision: Int64 = -1
    /// Entries of a data directory's log that its database did not hold yet.
    package var caughtUp = 0
    package var clusterID: UInt64 = 0
}

/// Makes the data directory of a member of a new cluster from any state (spec/etcdctl.md 4): keys with their
/// revisions, leases, users, roles and alarms as they are; members, log and raft position new.
///
/// Order: database written, synced and named; then its `.snap` file; then the log, whose directory appears
/// whole or not at all. A restore that was interrupted leaves no log, and is begun again on an empty
/// directory.
package struct Restore {
    private let plan: RestorePlan
    private let progress: (UInt64) -> Void

    package init(_ plan: RestorePlan, progress: @escaping (UInt64) -> Void = { _ in }) {
        precondition(plan.members.contains { $0.id == plan.localID })
        self.plan = plan
        self.progress = progress
    }

    package func run() throws(TransferError) -> RestoreReport {
        guard isEmptyOrAbsent(plan.dataDirectory) else { throw .directoryNotEmpty(plan.dataDirectory) }
        if unsafe access(plan.wal, F_OK) == 0 { throw .logDirectoryExists(plan.wal) }
        let source = try openSource()
        for path in [
            plan.dataDirectory, plan.dataDirectory + "/member", plan.snapshots, parentDirectory(of: plan.wal),
        ] {
            try makeDirectory(path)
        }
        try DatabaseLoad.run(source, to: plan.database, progress: progress)
        let environment = try backend { () throws(BackendError) in try Environment(path: plan.database) }
        var report = RestoreReport()
        if isDirectory(plan.source), isDirectory(plan.source + "/member/wal") {
            report.caughtUp = try LogCatchUp.run(environment, wal: plan.source + "/member/wal")
        }
        let position = try writeIdentity(environment)
        let keyspace = try onKeyspace { () throws(MVCCError) in try Keyspace(environment: environment) }
        (report.revision, report.compactedRevision) = (keyspace.currentRevision, keyspace.compactedRevision)
        try writeSnapshot(environment, position)
        report.clusterID = clusterID(of: plan.members.map(\.id))
        try writeLog(position, clusterID: report.clusterID)
        return report
    }

    private func openSource() throws(TransferError) -> StateSource {
        guard isDirectory(plan.source) else {
            let source = try StateSource(path: plan.source)
            if source.kind == .bbolt, !plan.skipsHashCheck {
                try SnapshotTrailer.verify(plan.source, progress: progress)
            }
            if source.kind == .snapshot {
                do throws(JournalError) {
                    var reader = try SnapshotReader(path: plan.source)
                    try reader.verify()
                } catch {
                    throw .journal(error)
                }
            }
            return source
        }
        return try StateSource(path: plan.source + "/member/snap/db")
    }

    /// Replaces members and raft position by those of the new cluster, and bumps the revision.
    private func writeIdentity(_ environment: Environment) throws(TransferError) -> SnapshotMetadata {
        let position = SnapshotMetadata(
            id: EntryID(term: Term(1), index: LogIndex(UInt64(plan.members.count))),
            configuration: ConfigurationState(voters: plan.members.map(\.id)))
        let bump: EtcdRevisionKey? =
            if let amount = plan.bumpRevision { try bumped(environment, by: amount) } else { nil }
        var stale: [(Bucket, [UInt8])] = []
        do throws(BackendError) {
            let reading = try environment.read()
            for bucket in [Bucket.members, .membersRemoved] {
                try reading.forEach(bucket) { key, _ in
                    stale.append((bucket, copy(of: key)))
                    return true
                }
            }
        } catch {
            throw .backend(error)
        }
        do throws(BackendError) {
            var transaction = try environment.write()
            for (bucket, key) in stale { try transaction.delete(bucket, key: key) }
            for member in plan.members {
                try transaction.put(.members, Array(member.id.hex.utf8), Array(member.json.utf8))
            }
            for change in StoredState.changes(toPosition: position) {
                if let value = change.value { try transaction.put(change.bucket, change.key, value) }
            }
            if let bump { try transaction.put(.meta, Array("scheduledCompactRev".utf8), bump.etcdBytes) }
            try transaction.commit()
        } catch {
            throw .backend(error)
        }
        return position
    }

    /// The new revision. Nothing is stored at it (etcd stores an empty record): a compaction scheduled at it
    /// says as much, and the next start of the member ends that compaction.
    private func bumped(_ environment: Environment, by amount: Int64) throws(TransferError) -> EtcdRevisionKey
    {
        let keyspace = try onKeyspace { () throws(MVCCError) in try Keyspace(environment: environment) }
        return EtcdRevisionKey(main: keyspace.currentRevision + amount)
    }

    private func writeSnapshot(_ environment: Environment, _ position: SnapshotMetadata) throws(TransferError)
    {
        do {
            var writer = try SnapshotWriter(in: SnapshotDirectory(plan.snapshots), metadata: position)
            let transaction = try environment.read()
            var failure: JournalError?
            for bucket in Bucket.allCases where failure == nil {
                try transaction.forEach(bucket) { key, value in
                    do throws(JournalError) {
                        try writer.append(bucket: bucket.name, key: key, value: value)
                    } catch {
                        failure = error
                    }
                    return failure == nil
                }
            }
            if let failure { throw failure }
            _ = try writer.finish()
        } catch let error as JournalError {
            throw .journal(error)
        } catch let error as BackendError {
            throw .backend(error)
        } catch {
            preconditionFailure("journal and backend have typed errors")
        }
    }

    private func writeLog(_ position: SnapshotMetadata, clusterID: UInt64) throws(TransferError) {
        let metadata = LogMetadata(memberID: plan.localID, clusterID: clusterID)
        let entries = plan.members.enumerated().map { offset, member in
            Entry(
                id: EntryID(term: Term(1), index: LogIndex(UInt64(offset + 1))), kind: .configurationChange,
                data: ConfigurationEntry(
                    id: 0, change: ConfigurationChange(.addNode, member.id), context: Array(member.json.utf8)
                ).data(kind: .configurationChange))
        }
        let state = HardState(term: Term(1), vote: plan.members[0].id, commit: position.id.index)
        do throws(JournalError) {
            var log = try DurableLog.create(in: plan.wal, metadata: metadata)
            try log.save(entries, hardState: state, mustSync: true)
            try log.saveSnapshot(position)
            try log.close()
        } catch {
            throw .journal(error)
        }
    }
}

private func isEmptyOrAbsent(_ path: String) -> Bool {
    do throws(DiskError) { return try SystemDisk().list(path)?.isEmpty ?? true } catch { return false }
}

/// Makes a directory (0700) and those above it that are missing.
private func makeDirectory(_ path: String) throws(TransferError) {
    if isDirectory(path) { return }
    let above = parentDirectory(of: path)
    if above != path, above != "." { try makeDirectory(above) }
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
        throw .system(call: "mkdir", path: path, errno: errno)
    }
}
