import Backend
import MVCC
import Raft

/// The whole state as a received snapshot holds it, read from a database file of its own and ready to take
/// the place of the present one (`StateMachine.restore`). Dropped instead, it leaves nothing behind.
///
/// Made of a `BulkLoad` that was given every record of the snapshot file; the file itself must have been
/// verified before.
package struct ReceivedState: ~Copyable {
    package let metadata: SnapshotMetadata
    let keys: KeyspaceReplacement
    let state: StoredState

    private init(_ metadata: SnapshotMetadata, _ keys: consuming KeyspaceReplacement, _ state: StoredState) {
        self.metadata = metadata
        self.keys = keys
        self.state = state
    }

    /// Makes the loaded file durable and reads it (about a second per million keys).
    ///
    /// Throws `position` when it does not stand for `metadata`.
    package static func read(
        _ load: consuming BulkLoad, metadata: SnapshotMetadata, beside environment: Environment
    ) throws(StoredState.LoadError) -> ReceivedState {
        let keys = try keys(of: load, beside: environment)
        let state = try state(of: keys)
        let id = EntryID(term: state.consistentTerm, index: state.consistentIndex)
        guard id == metadata.id else { throw .position(id) }
        return ReceivedState(metadata, keys, state)
    }

    private static func keys(
        of load: consuming BulkLoad, beside environment: Environment
    ) throws(StoredState.LoadError) -> KeyspaceReplacement {
        let successor: Successor
        do throws(BackendError) { successor = try load.finish(beside: environment) } catch {
            throw .backend(error)
        }
        do throws(MVCCError) { return try KeyspaceReplacement(successor) } catch { throw .keys(error) }
    }

    private static func state(
        of keys: borrowing KeyspaceReplacement
    ) throws(StoredState.LoadError) -> StoredState {
        let transaction: ReadTransaction
        do throws(BackendError) { transaction = try keys.read() } catch { throw .backend(error) }
        return try StoredState.load(from: transaction)
    }

    package var currentRevision: Int64 { keys.currentRevision }
}
