import Backend
import Synchronization

/// Reads of one thread; several selections may be open at a time.
package final class KeyspaceReader {
    private let keyspace: Keyspace

    init(_ keyspace: Keyspace) { self.keyspace = keyspace }

    /// The matches of a range at a revision (<= 0: the current one), and a hold on their records.
    ///
    /// Throws `futureRevision` above the current revision and `compacted` below the compacted one. The
    /// whole range is walked (100 M keys/s), also beyond the limit, unless `wantsTotal` is off.
    package func select(
        _ range: KeyRange, revision: Int64 = 0, options: SelectionOptions = SelectionOptions()
    ) throws(MVCCError) -> Selection {
        try keyspace.select(range, revision: revision, visible: nil, options: options)
    }

    /// Calls `body` with every change of the revisions `from ... through` that is stored, in order, until
    /// it answers false. `record` is the stored KeyValue; of a tombstone it has only the key.
    ///
    /// `through` is cut at the current revision. Throws `compacted` when `from` is below the compacted
    /// revision; at exactly that one, what the compaction kept is given. Holds an LMDB transaction for
    /// the time of the call: walk in bounded pieces.
    package func changes(
        from: Int64, through: Int64,
        _ body: (_ revision: Revision, _ isTombstone: Bool, _ record: borrowing RawSpan) -> Bool
    ) throws(MVCCError) {
        try keyspace.changes(from: from, through: through, floor: nil, body)
    }

    /// `changes` for a hub that follows the log: everything is there above its floor. False, and nothing
    /// read, when the state was replaced since the floor was made or `rejoin` was called.
    func changesAboveFloor(
        _ floor: WatchFloor, through: Int64,
        _ body: (_ revision: Revision, _ isTombstone: Bool, _ record: borrowing RawSpan) -> Bool
    ) throws(MVCCError) -> Bool {
        try keyspace.changes(from: floor.revision, through: through, floor: floor, body)
    }

    /// A floor at the revision after the current one, for a hub that gets its first watcher.
    func makeFloor(hub: Int) -> WatchFloor {
        keyspace.audience.join(hub)
        return keyspace.watchFloors.withLock { floors in
            let floor = keyspace.lock.read {
                WatchFloor(keyspace.currentRevision + 1, succession: keyspace.succession.number)
            }
            floors.add(floor)
            return floor
        }
    }

    /// Goes on with the state that replaced the one the floor was in. Answers the first revision that came
    /// after the replacement: from there on the floor has kept everything.
    func rejoin(_ floor: WatchFloor) -> Int64 {
        keyspace.lock.read {
            floor.join(keyspace.succession.number)
            return keyspace.succession.revision + 1
        }
    }

    /// The hub has no watcher any more.
    func remove(_ floor: WatchFloor, hub: Int) {
        keyspace.audience.leave(hub)
        keyspace.watchFloors.withLock { $0.remove(floor) }
    }

    /// The stored KeyValue of `key` as of `revision`, or nil when it does not live there or the revision is
    /// below the compacted one (then prev_kv of an event is left out; spec/api.md 13).
    package func record(_ key: borrowing RawSpan, at revision: Int64) throws(MVCCError) -> [UInt8]? {
        guard revision > 0 else { return nil }
        do throws(MVCCError) {
            let range = KeyRange(key: unsafe key.withUnsafeBytes { unsafe [UInt8]($0) })
            let selection = try select(range, revision: revision)
            defer { selection.release() }
            return selection.matches.isEmpty ? nil : try selection.record(0)
        } catch .compacted {
            return nil
        } catch {
            throw error
        }
    }

    package var currentRevision: Int64 { keyspace.currentRevision }
    package var compactedRevision: Int64 { keyspace.compactedRevision }
}
