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

    /// What bucket meta says of the last entry of the log whose effects the database holds.
    package static func position(index: UInt64, term: UInt64) -> [BucketChange] {
        [
            BucketChange(.meta, key: MetaKey.consistentIndex, value: bytes(index)),
            BucketChange(.meta, key: MetaKey.term, value: bytes(term)),
        ]
    }

    /// Big-endian.
    private static func bytes(_ number: UInt64) -> [UInt8] {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe Array($0) }
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
    /// Oldest first.
    var changes: [BucketChange] = []
    /// Every record up to this revision belongs to the transaction; nil when nothing was handed over.
    var through: Int64? = nil
    var position: UInt64 = 0
    /// Of the position, where it is an index of a raft log.
    var term: UInt64? = nil
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

    mutating func takeStaged() {
        for compaction in staged {
            let key = RevisionKey(Revision(main: compaction.revision))
            changes.append(BucketChange(.meta, key: MetaKey.scheduledCompactRev, value: key.etcdBytes))
        }
        compactions += staged
        staged = []
    }

    /// What bucket meta says of the position.
    var positionChanges: [BucketChange] {
        guard let term else { return [] }
        return BucketChange.position(index: position, term: term)
    }
}

extension Keyspace {
    /// Says that everything committed so far, together with these changes of other buckets, may be made
    /// durable in one transaction: call it between raft entries only. Apply thread.
    ///
    /// `position` (for example the index of the last entry) comes back in `FlushReport.position`. With the
    /// `term` of that entry both are stored in bucket meta, once per flush.
    package func handOver(_ changes: [BucketChange], position: UInt64, term: UInt64? = nil) {
        let through = currentRevision
        pending.withLock { pending in
            if !changes.isEmpty { pending.changes += changes }
            if !pending.staged.isEmpty { pending.takeStaged() }
            pending.through = through
            pending.position = position
            pending.term = term
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

/// Keys of bucket meta that the keyspace writes. Source: spec/wal-snap.md 6.
package enum MetaKey {
    static let scheduledCompactRev = Array("scheduledCompactRev".utf8)
    static let finishedCompactRev = Array("finishedCompactRev".utf8)
    /// Index and term of the last entry applied, 8 bytes each, big-endian.
    package static let consistentIndex = Array("consistent_index".utf8)
    package static let term = Array("term".utf8)
    /// What Maintenance.Hash leaves out.
    package static let unhashed = [consistentIndex, term, Array("storageVersion".utf8)]
}
