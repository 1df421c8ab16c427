import Backend
import Synchronization

/// One record to write to, or delete from, a bucket other than `key`.
package struct BucketChange: Sendable, Equatable {
    package var bucket: Bucket
    package var key: [UInt8]
    /// Nil deletes.
    package var value: [UInt8]?

    package init(_ bucket: Bucket, key: [UInt8], value: [UInt8]?) {
        precondition(bucket != .key, "records of bucket key are the keyspace's own")
        self.bucket = bucket
        self.key = key
        self.value = value
    }
}

/// A compaction whose records are still to be deleted.
struct Compaction: Sendable {
    let revision: Int64
    /// The compacted revision before.
    let previous: Int64
    /// False when it was begun before a restart: its hash can no longer be known.
    var isWhole = true
    let completion: (@Sendable () -> Void)?
}

/// What the apply thread gave to the flush thread, to be written in one transaction.
struct PendingFlush {
    /// Changes of other buckets than meta, oldest first.
    var changes: [BucketChange] = []
    /// Changes of bucket meta, one per key: every hand-over brings the same few anew.
    var meta: [BucketChange] = []
    /// Every record up to this revision belongs to the transaction; nil when nothing was handed over.
    var through: Int64? = nil
    var position: UInt64 = 0
    /// Compactions handed over.
    var compactions: [Compaction] = []
    /// Compactions that the next hand-over takes along.
    var staged: [Compaction] = []
    /// Another database took the place of the one the flusher knows; what is here came after that.
    var replacement: Replaced? = nil

    struct Replaced {
        /// Every record up to here is in the new database.
        var through: Int64
        var position: UInt64
        var compacted: Int64
        /// The compaction it was in the middle of.
        var unfinished: Compaction?
        /// What waited for compactions of the old one.
        var completions: [@Sendable () -> Void]
    }

    mutating func add(_ change: BucketChange) {
        guard case .meta = change.bucket else { return changes.append(change) }
        if let place = meta.firstIndex(where: { $0.key == change.key }) {
            meta[place] = change
        } else {
            meta.append(change)
        }
    }
}

extension Keyspace {
    /// Says that everything committed so far, together with these changes of other buckets, may be made
    /// durable in one transaction: call it between raft entries only, with the consistent index among the
    /// changes. Apply thread. `position` (for example that index) comes back in `FlushReport.position`.
    package func handOver(_ changes: [BucketChange], position: UInt64) {
        let through = currentRevision
        pending.withLock { pending in
            for change in changes { pending.add(change) }
            for compaction in pending.staged {
                let key = RevisionKey(Revision(main: compaction.revision))
                pending.add(BucketChange(.meta, key: MetaKey.scheduledCompactRev, value: key.etcdBytes))
            }
            if !pending.staged.isEmpty {
                pending.compactions += pending.staged
                pending.staged = []
            }
            pending.through = through
            pending.position = position
        }
    }

    /// Compacts at a revision: reads below it are refused from now on; records are deleted by later
    /// flushes, `completion` is called on the flush thread when the last deletion is durable.
    ///
    /// Apply thread, inside no write. Throws `compacted` when the revision is not above the compacted one,
    /// `futureRevision` when it is above the current one.
    package func compact(
        at revision: Int64, completion: (@Sendable () -> Void)? = nil
    ) throws(MVCCError) {
        let previous = compactedRevision
        if revision <= previous { throw .compacted(previous) }
        if revision > currentRevision { throw .futureRevision }
        pending.withLock {
            $0.staged.append(Compaction(revision: revision, previous: previous, completion: completion))
        }
        lock.write { setCompacted(revision) }
    }

    func add(unflushedBytes: Int, records: Int) {
        unflushed.wrappingAdd(unflushedBytes, ordering: .relaxed)
        unflushedRecords.wrappingAdd(records, ordering: .relaxed)
    }

    /// Bytes of records not in the database yet; the quota counts them with `Environment.sizeInUse`.
    package var unflushedBytes: Int { unflushed.load(ordering: .relaxed) }

    /// Whether a flush should not wait for its time: 8 MiB or that many records are due.
    package func isFlushDue(records: Int = 10_000) -> Bool {
        unflushed.load(ordering: .relaxed) >= Limits.flushDueBytes
            || unflushedRecords.load(ordering: .relaxed) >= records
    }

    /// Whether more than 64 MiB are not flushed: the apply thread takes no more entries, see `awaitRoom`.
    package var isOverfull: Bool { unflushed.load(ordering: .relaxed) > Limits.unflushedBytesMax }

    /// Waits until flushes have made room (`isOverfull` is false). A thread that applies and serves nobody,
    /// after a `handOver`; the flush thread must be running.
    package func awaitRoom() {
        if isOverfull { room.wait { !isOverfull } }
    }

    /// Stops the deletion of compacted records while a long read of the database goes on (a dump), whose
    /// pages could not be reused; balanced by `resumeCompaction`. Any thread.
    package func pauseCompaction() { compactionHolds.wrappingAdd(1, ordering: .relaxed) }
    package func resumeCompaction() { compactionHolds.wrappingSubtract(1, ordering: .relaxed) }
}

/// Keys of bucket meta that belong to the keyspace. Source: spec/wal-snap.md 6.
enum MetaKey {
    static let scheduledCompactRev = Array("scheduledCompactRev".utf8)
    static let finishedCompactRev = Array("finishedCompactRev".utf8)
    /// What Maintenance.Hash leaves out.
    static let unhashed = ["consistent_index", "term", "storageVersion"].map { Array($0.utf8) }
}
