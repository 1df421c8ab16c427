import Backend
import MVCC
import Raft

extension StoredState {
    /// The raft position and configuration that one view of the database stands for; nil when nothing was
    /// ever applied to it, or its numbers cannot be read.
    package static func position(
        in transaction: borrowing ReadTransaction
    ) throws(BackendError) -> SnapshotMetadata? {
        guard let index = number(try transaction.value(.meta, MetaKey.consistentIndex)),
            let term = number(try transaction.value(.meta, MetaKey.term))
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

extension StoredState {
    /// What bucket meta says of a position: index, term and configuration, as a restore sets them.
    package static func changes(toPosition position: SnapshotMetadata) -> [BucketChange] {
        BucketChange.position(index: position.id.index.rawValue, term: position.id.term.rawValue)
            + [stored(position.configuration)]
    }
}
