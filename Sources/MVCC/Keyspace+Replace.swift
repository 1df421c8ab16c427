import Backend
import Synchronization

/// The keys of another database file, read and ready to take the place of a keyspace's: what a received
/// snapshot holds, in a `Successor`.
package struct KeyspaceReplacement: ~Copyable {
    let successor: Successor
    let keys: LoadedKeys

    /// Reads every record once (about a second per million).
    package init(_ successor: consuming Successor) throws(MVCCError) {
        keys = try LoadedKeys.undamaged { () throws(BackendError) in try successor.read() }
        self.successor = successor
    }

    /// The revision of its newest write.
    package var currentRevision: Int64 { keys.current }

    /// A view of all its buckets.
    package func read() throws(BackendError) -> ReadTransaction { try successor.read() }
}

/// How often the state was replaced since the start, and where that left it.
struct Succession {
    var number = 0
    /// The current revision right after the last replacement.
    var revision: Int64 = 0
}

extension Keyspace {
    /// Goes on with other keys, which must be a later state of the same log; `position` is what the last
    /// `handOver` of that state would have named.
    ///
    /// Apply thread, inside no write. What was handed over and not flushed is dropped: the new file holds it.
    /// Readers and watchers go on: a selection made before keeps its old view, one made after sees only the
    /// new state, and no record of one is ever looked up in the other. Waits for the flush under way (this
    /// thread's own must not be); when it returns the new file is in place, durably.
    package func replace(
        with replacement: consuming KeyspaceReplacement, position: UInt64
    ) throws(MVCCError) {
        let keys = replacement.keys
        precondition(keys.current >= currentRevision, "an older state")
        turn.take()
        defer { turn.giveBack() }
        let old = index
        do throws(BackendError) {
            try environment.replace(with: replacement.successor) { exchange in
                lock.write {
                    exchange()
                    index = keys.index
                    tail = PendingTail()
                    setCompacted(keys.compacted)
                    publish(keys.current)
                    succession.number += 1
                    succession.revision = keys.current
                }
            }
        } catch {
            throw .backend(error)
        }
        // Giving a large index back to the kernel takes its time: after the lock.
        withExtendedLifetime(old) {}
        restart(pending: keys, position: position)
        hashes.withLock { $0 = CompactionHashes() }
        unflushed.store(0, ordering: .relaxed)
        unflushedRecords.store(0, ordering: .relaxed)
        room.announce()
    }

    private func restart(pending keys: LoadedKeys, position: UInt64) {
        pending.withLock { pending in
            let dropped = pending.compactions + pending.staged
            let earlier = pending.replacement?.completions ?? []
            pending = PendingFlush()
            pending.replacement = PendingFlush.Replaced(
                through: keys.current, position: position, compacted: keys.compacted,
                unfinished: keys.unfinished, completions: earlier + dropped.compactMap(\.completion))
        }
    }
}
