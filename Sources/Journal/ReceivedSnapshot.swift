import Raft

/// A `.snap` file that another member sends, on its way to disk.
///
///     begun ──append…──▶ finish: read back and verified, synced, renamed, directory synced
///
/// The file bears a temporary name until `finish`; one that is not finished is removed. One thread owns it:
/// `append` writes into the page cache, `finish` reads and inflates everything and waits for the disk.
package struct ReceivedSnapshot: ~Copyable {
    private let directory: SnapshotDirectory
    /// Nil once finished.
    private var file: OpenFile?
    private var written: UInt64 = 0
    private var writebackFrom: UInt64 = 0

    /// Begins a file in `directory`; no other one of the same `number` may be open.
    package init(in directory: SnapshotDirectory, number: UInt64) throws(JournalError) {
        self.directory = directory
        let path = directory.receivingPath(number)
        file = try onDisk { () throws(DiskError) in
            try directory.disk.open(path, .create(permissions: 0o600))
        }
    }

    deinit {
        guard let file else { return }
        directory.disk.close(file)
        try? directory.disk.remove(file.path)  // removed at the next start if not now
    }

    package mutating func append(_ bytes: [UInt8]) throws(JournalError) {
        guard let file else { preconditionFailure("a finished snapshot takes nothing") }
        // Safe: the span ends with the call.
        do throws(DiskError) {
            try unsafe directory.disk.write(file, at: written, bytes.span.bytes)
        } catch {
            throw .disk(error)
        }
        written += UInt64(bytes.count)
        if written - writebackFrom >= Limits.snapshotWritebackSize {
            directory.disk.startWriteback(file, offset: writebackFrom, size: written - writebackFrom)
            writebackFrom = written
        }
    }

    /// Completes the file: returns when it is verified by its digest and on disk under its own name. Throws
    /// `.snapshotCorrupt` where it is damaged or not of `position`.
    package consuming func finish(position: EntryID) throws(JournalError) -> SnapshotSummary {
        guard let file else { preconditionFailure("a snapshot is finished once") }
        let disk = directory.disk
        var reader = try SnapshotReader(path: file.path, disk: disk)
        try reader.verify()
        guard reader.metadata.id == position else {
            throw .snapshotCorrupt(path: file.path, offset: 0, .name)
        }
        let path = directory.path(of: position)
        var summary = reader.summary
        summary.path = path
        do throws(DiskError) {
            try disk.sync(file)
            try disk.rename(file.path, to: path)
            self.file = nil
            disk.close(file)
            try disk.syncDirectory(directory.path)
        } catch {
            throw .disk(error)
        }
        return summary
    }
}
