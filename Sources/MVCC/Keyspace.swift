import Backend
import Synchronization

/// The keys, their values and their history: revision-keyed records in LMDB, an index of keys in memory,
/// and between them the pending tail of records that are applied and not flushed yet.
///
/// Threads: one applies (`beginWrite`, `compact`, `handOver`, `replace`), one flushes (`Flusher`), any
/// reads (`makeReader`). Invariants:
/// 1. `lock` guards index, tail and the bounds; it is never held across a disk write.
/// 2. A record is in the tail before the index names it, and its bytes are complete before
///    `currentRevision` covers it; readers never look above `currentRevision`.
/// 3. A reader copies the tail's list and renews its LMDB transaction while it holds the lock; the
///    flusher drops chunks only after their commit. So each record the index names at that moment is in the
///    reader's tail or in its transaction, whatever is flushed or compacted later.
/// 4. `replace` exchanges database file, index, tail and bounds under one hold of the lock; who reads the
///    index over several holds keeps the one it began with.
/// 5. `turn` is held by whoever writes the database: one flush, or one replacement.
package final class Keyspace: @unchecked Sendable {
    // Sendable: mutable state is behind `lock` (index, tail) or in atomics and mutexes.
    package let environment: Environment
    let lock = ReadWriteLock()
    var index: KeyIndex
    var tail = PendingTail()
    var succession = Succession()
    let turn = Turn()
    let walks = Mutex(ActiveWalks())
    let pending = Mutex(PendingFlush())
    let hashes = Mutex(CompactionHashes())
    private let current = Atomic<Int64>(1)
    private let compacted = Atomic<Int64>(-1)
    let unflushed = Atomic(0)
    let unflushedRecords = Atomic(0)
    let compactionHolds = Atomic(0)
    let watchFloors = Mutex(WatchFloors())
    let audience = WatchAudience()
    let room = Gate()

    /// Opens the keys of `environment`, reading every record once (about a second per million).
    ///
    /// A compaction that was not finished is taken up by the next flushes.
    package init(environment: Environment) throws(MVCCError) {
        self.environment = environment
        let keys = try LoadedKeys.undamaged { () throws(BackendError) in try environment.read() }
        index = keys.index
        take(keys)
    }

    /// Sets the revisions, and takes up the compaction that was not finished.
    func take(_ keys: LoadedKeys) {
        publish(keys.current)
        setCompacted(keys.compacted)
        pending.withLock { $0.compactions = keys.unfinished.map { [$0] } ?? [] }
    }

    /// The revision of the newest write; 1 in a fresh store. After a restart the largest of the newest
    /// record and the compactions, finished or scheduled.
    package var currentRevision: Int64 { current.load(ordering: .acquiring) }

    /// Reads below this revision are refused; -1 when nothing was ever compacted.
    package var compactedRevision: Int64 { compacted.load(ordering: .acquiring) }

    func publish(_ revision: Int64) { current.store(revision, ordering: .releasing) }
    func setCompacted(_ revision: Int64) { compacted.store(revision, ordering: .releasing) }

    /// The hubs that have to advance because of the revisions published so far, a bit for each number: those
    /// with watchers. One that gets its first watcher later sees by itself what was published before.
    package var hubsToTell: UInt64 { audience.present }

    /// A reader for one thread.
    package func makeReader() -> KeyspaceReader { KeyspaceReader(self) }

    /// Begins a write; apply thread only, one at a time.
    package func beginWrite() -> KeyspaceWrite { KeyspaceWrite(self) }

    /// Sizes of what is held in memory.
    package struct Memory: Sendable {
        /// Keys known, tombstones not compacted yet included.
        package var keys: Int
        /// Older changes that are still readable.
        package var olderChanges: Int
        /// Bytes of the index.
        package var indexBytes: Int
        /// Bytes of the chunks of the pending tail.
        package var tailBytes: Int
        /// Bytes of records not flushed yet.
        package var unflushedBytes: Int
    }

    package var memory: Memory {
        lock.read {
            Memory(
                keys: index.keyCount, olderChanges: index.olderCount, indexBytes: index.footprint,
                tailBytes: tail.chunks.reduce(0) { $0 + $1.footprint },
                unflushedBytes: unflushed.load(ordering: .relaxed))
        }
    }

    /// Traps when the index contradicts itself (tests).
    package func checkInvariants() { lock.read { index.checkInvariants() } }
}

/// The revisions at which long walks and hashes are under way: pruning stops below them.
struct ActiveWalks {
    private var revisions: [Int64] = []

    var oldest: Int64? { revisions.min() }

    mutating func begin(_ revision: Int64) { revisions.append(revision) }

    mutating func end(_ revision: Int64) {
        guard let place = revisions.firstIndex(of: revision) else { preconditionFailure("no such walk") }
        revisions.swapAt(place, revisions.count - 1)
        revisions.removeLast()
    }
}
