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
        logger.warning(
            "the database is being rebuilt",
            metadata: [
                "path": "\(directory.database)", "reason": "\(reason)",
                "snapshot": "\(choice.snapshot?.path ?? "none: from the log alone")",
            ])
        if let snapshot = choice.snapshot { try load(snapshot) }
    }

    private func load(_ snapshot: SnapshotSummary) throws(BootError) {
        do {
            var reader = try SnapshotReader(path: snapshot.path)
            var load = try BulkLoad(replacing: directory.database)
            while try reader.next() {
                guard let bucket = Bucket(name: reader.bucket) else {
                    throw BootError("snapshot \(snapshot.path) has a bucket named \(reader.bucket)")
                }
                let (key, value) = reader.withRecord { key, value in (copy(of: key), copy(of: value)) }
                try load.add(bucket, key: key, value: value)
            }
            try load.finish()
        } catch let error as JournalError {
            throw BootError(describe(error))
        } catch let error as BackendError {
            throw BootError(describe(error))
        } catch let error as BootError {
            throw error
        } catch {
            throw BootError("\(error)")
        }
    }
}

private func copy(of bytes: borrowing RawSpan) -> [UInt8] {
    // The buffer does not leave the closure; Array copies it.
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
}
