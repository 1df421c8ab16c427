import Backend
import Raft

extension StoredState {
    /// The raft position and configuration that one view of the database stands for; nil when nothing was
    /// ever applied to it, or its numbers cannot be read.
    package static func position(
        in transaction: borrowing ReadTransaction
    ) throws(BackendError) -> SnapshotMetadata? {
        guard let index = number(try transaction.value(.meta, Key.consistentIndex)),
            let term = number(try transaction.value(.meta, Key.term))
        else { return nil }
        let stored = try transaction.value(.meta, Key.configuration).flatMap { configuration($0) }
        return SnapshotMetadata(
            id: EntryID(term: Term(term), index: LogIndex(index)),
            configuration: stored ?? ConfigurationState())
    }

    private static func number(_ bytes: [UInt8]?) -> UInt64? {
        guard let bytes, bytes.count == 8 else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
