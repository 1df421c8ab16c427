import Backend
import Glibc
import Journal
import Logging
import Raft

/// Makes the database anew from the newest sound snapshot; the log brings it up to date afterwards.
struct DatabaseRebuilder {
    let directory: DataDirectory
    let logger: Logger

    var databaseExists: Bool { unsafe access(directory.database, F_OK) == 0 }

    /// Renames a damaged database to `db.broken`, replacing an earlier one: it may still be of use to a
    /// person, and is never opened again. Nobody has it open.
    func setDatabaseAside() throws(BootError) {
        let broken = directory.database + ".broken"
        guard unsafe rename(directory.database, broken) == 0 else {
            throw BootError("cannot set \(directory.database) aside: \(text(of: errno))")
        }
    }

    /// `recorded`: the snapshots the log vouches for.
    ///
    /// Without any, the next open makes an empty database, and the log must hold everything from its first
    /// entry on; `DurableLog.recover` refuses when it does not.
    func rebuild(recorded: [EntryID], reason: String) throws(BootError) {
        let snapshot = try newest(among: recorded)
        report(reason, snapshot)
        if let snapshot { try load(snapshot) }
    }

    /// Replaces a database that ends at `index` by the newest sound snapshot above it, when there is one:
    /// the member received it and stopped before its database was exchanged. Nobody has the file open.
    func catchUp(from index: LogIndex, recorded: [EntryID]) throws(BootError) {
        guard let snapshot = try newest(among: recorded.filter { $0.index > index }) else { return }
        report("it ends at index \(index.rawValue), before a snapshot the member has received", snapshot)
        try load(snapshot)
    }

    private func newest(among recorded: [EntryID]) throws(BootError) -> SnapshotSummary? {
        let choice: SnapshotDirectory.Choice
        do throws(JournalError) {
            choice = try SnapshotDirectory(directory.snapshots).newest(among: recorded, scrutiny: .everything)
        } catch {
            throw BootError(describe(error))
        }
        for rejection in choice.rejected {
            logger.warning(
                "snapshot cannot be used",
                metadata: ["path": "\(rejection.path)", "error": "\(describe(rejection.reason))"])
        }
        return choice.snapshot
    }

    private func report(_ reason: String, _ snapshot: SnapshotSummary?) {
        logger.warning(
            "the database is being rebuilt",
            metadata: [
                "path": "\(directory.database)", "reason": "\(reason)",
                "snapshot": "\(snapshot?.path ?? "none: from the log alone")",
            ])
    }

    private func load(_ snapshot: SnapshotSummary) throws(BootError) {
        do throws(SnapshotLoadError) {
            var load: BulkLoad
            do throws(BackendError) { load = try BulkLoad(replacing: directory.database) } catch {
                throw .backend(error)
            }
            try load.add(contentsOf: snapshot.path)
            do throws(BackendError) { try load.finish() } catch { throw .backend(error) }
        } catch {
            throw BootError(describe(error))
        }
    }
}
