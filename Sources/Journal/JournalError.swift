import Raft

/// What the journal and the snapshot files can report. Offsets are bytes from the start of the file.
package indirect enum JournalError: Error, Equatable, Sendable {
    /// The world failed. If it was a write or a sync, the log is stopped: see `DurableLog`.
    case disk(DiskError)
    /// An earlier write or sync of this log failed with `first`; nothing was written since.
    case stopped(first: JournalError)
    /// `create` found a log in the directory.
    case alreadyExists(directory: String)
    /// No segment holds the position recovery has to start from.
    case noSegment(directory: String, from: LogIndex)
    /// A segment is missing: `found` follows `expected - 1`.
    case sequenceGap(directory: String, expected: UInt64, found: UInt64)
    /// Another process has the segment open.
    case locked(path: String)
    /// The checksum of the record at `offset` is wrong, and not because of a torn write.
    case corrupt(path: String, offset: UInt64, stored: UInt32, computed: UInt32)
    /// The record at `offset` cannot be what the log once wrote.
    case malformed(path: String, offset: UInt64, RecordFault)
    /// The log ends inside the record at `offset`, and repair was done once already.
    case torn(path: String, offset: UInt64)
    /// Two segments belong to different members or clusters.
    case metadataConflict(path: String, offset: UInt64)
    /// Entries are missing between `expected` and `found`.
    case gap(path: String, offset: UInt64, expected: LogIndex, found: LogIndex)
    /// The log knows a snapshot of that index under another term.
    case snapshotMismatch(path: String, offset: UInt64, expected: EntryID, found: EntryID)
    /// The log has no record of the snapshot to start from.
    case snapshotNotFound(directory: String, snapshot: EntryID)
    /// The log was read from a snapshot that is older than one the member received: what was saved after
    /// `by` does not follow from what was saved before.
    case broken(directory: String, from: EntryID, by: EntryID)
    /// A `.snap` file is damaged at `offset`.
    case snapshotCorrupt(path: String, offset: UInt64, SnapshotFault)
    /// A sound `.snap` file, but etcd's own (a v2 store in JSON), which holds no keys.
    case etcdSnapshot(path: String, SnapshotMetadata)
}

/// Why a record is refused although its checksum does not prove damage.
package enum RecordFault: Equatable, Sendable {
    /// The length word breaks its own rules, or disagrees with the lengths inside the record.
    case length
    /// Padding bytes that are not zero.
    case padding
    /// The record, or the message in it, does not decode.
    case encoding
    case unknownKind(UInt64)
    /// A checksum record or a zero length word where none belongs, or a segment without its head.
    case structure
    /// A hard state that goes back in term or commit, or a term no log can have.
    case implausible
    /// A segment that is not the last ends inside a record.
    case truncated
}

/// What is wrong with a `.snap` file.
package enum SnapshotFault: Equatable, Sendable {
    /// Neither our magic nor etcd's message.
    case unknownFormat
    case unknownVersion(UInt32)
    /// The file ends too early, or goes on after its footer.
    case length
    case checksum(stored: UInt32, computed: UInt32)
    /// A block does not inflate to what it promises, or its records do not decode.
    case encoding
    /// The counts of the footer are not those of the blocks.
    case counts
    /// The digest of the footer is not that of the records.
    case digest
    /// The file's name says another position than its header.
    case name
}

/// Runs `body`, giving a disk's failure the journal's type.
func onDisk<R>(_ body: () throws(DiskError) -> R) throws(JournalError) -> R {
    do throws(DiskError) { return try body() } catch { throw .disk(error) }
}
