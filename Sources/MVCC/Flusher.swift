import Backend
import CPlatform
import Synchronization

/// What one flush did.
package struct FlushReport: Sendable, Equatable {
    /// Records of changes written.
    package var records = 0
    /// Their bytes.
    package var bytes = 0
    /// The position of the last hand-over that is durable now; nil when none was ever flushed.
    package var position: UInt64? = nil
    /// Records of compactions it deleted.
    package var deleted = 0
    /// Whether a compaction can go on only after a flush has deleted what it found.
    package var isFlushDue = false
    /// Whether a compaction or pruning has more to do: flush again soon.
    package var hasMore = false
    /// Nanoseconds of the transaction that wrote; nil when there was nothing to write.
    package var writeTime: Int64? = nil
    /// Nanoseconds of the slice of compaction; nil when there was none.
    package var compactionTime: Int64? = nil
    /// Nanoseconds of the longest time pruning held the index, and with it all writes; nil when it did not.
    package var pruneHold: Int64? = nil
    /// Nanoseconds from the first slice to the last of a compaction that this flush ended.
    package var endedCompaction: Int64? = nil
}

/// Moves the pending tail into LMDB: one synced transaction per `flush`. Compactions go in slices, which
/// only look for what to delete; the next flush deletes it in its transaction, so that a compaction costs no
/// sync of its own. Owned by the flush thread.
package struct Flusher: ~Copyable {
    let keyspace: Keyspace
    let compactionBatch: Int
    private var flushedThrough: Int64
    private var position: UInt64? = nil
    var compactions: [Compaction] = []
    var scan: CompactionScan? = nil
    /// Where pruning of the index goes on, and for which compaction.
    var pruning: (revision: Int64, position: [UInt8])? = nil
    /// Keys to prune under the next hold of the lock.
    private var pruneKeys = Limits.pruneKeysMax

    /// One per keyspace, made before its first write. `compactionBatch`: records a slice may find to delete.
    package init(_ keyspace: Keyspace, compactionBatch: Int = 1000) {
        precondition(compactionBatch > 0, "a compaction moves on")
        self.keyspace = keyspace
        self.compactionBatch = compactionBatch
        flushedThrough = keyspace.currentRevision
        compactions = keyspace.pending.withLock { pending in
            defer { pending.compactions = [] }
            return pending.compactions
        }
        let compacted = keyspace.compactedRevision
        if compacted > 0 { pruning = (compacted, []) }
    }

    /// Does one slice of compaction work, then makes everything handed over durable, and the deletions found.
    ///
    /// After an error nothing of the hand-over is lost and nothing of it is in the database; the next
    /// flush tries again. (`full` may pass, for example after files were removed; what to do about other
    /// errors is the caller's decision.)
    package mutating func flush() throws(MVCCError) -> FlushReport {
        keyspace.turn.take()
        defer { keyspace.turn.giveBack() }
        return try flushInTurn()
    }

    private mutating func flushInTurn() throws(MVCCError) -> FlushReport {
        var report = FlushReport()
        do throws(BackendError) {
            try lookForDeletions(&report)
            try write(&report)
        } catch {
            throw .backend(error)
        }
        report.position = position
        finish(&report)
        return report
    }

    /// Does one slice of compaction work only: between two flushes. The report's `position` is nil.
    package mutating func compact() throws(MVCCError) -> FlushReport {
        keyspace.turn.take()
        defer { keyspace.turn.giveBack() }
        var report = FlushReport()
        do throws(BackendError) {
            try lookForDeletions(&report)
        } catch {
            throw .backend(error)
        }
        finish(&report)
        return report
    }

    /// Prunes the index, and says what is left.
    private mutating func finish(_ report: inout FlushReport) {
        if !isHeld {
            for _ in 0..<Limits.pruneStepsMax where pruning != nil {
                report.pruneHold = max(report.pruneHold ?? 0, prune())
            }
        }
        // Also while it is held: who waits for more writes might wait for ever.
        report.hasMore = !compactions.isEmpty || pruning != nil
        report.isFlushDue = scan.map { $0.isFull && mayDelete($0.compaction) } ?? false
    }

    /// A dump goes on, see `Keyspace.pauseCompaction`.
    var isHeld: Bool { keyspace.compactionHolds.load(ordering: .relaxed) != 0 }

    /// Rewrites the database file without its free pages (`Environment.defragment`). Flush thread;
    /// applies go on until the tail is full, reads go on.
    package mutating func defragment() throws(MVCCError) {
        keyspace.turn.take()
        defer { keyspace.turn.giveBack() }
        _ = try flushInTurn()
        do throws(BackendError) {
            try keyspace.environment.defragment()
        } catch {
            throw .backend(error)
        }
    }

    private mutating func write(_ report: inout FlushReport) throws(BackendError) {
        let work = keyspace.pending.withLock { pending in
            defer {
                pending.changes = []
                pending.compactions = []
                pending.through = nil
                pending.replacement = nil
            }
            return pending
        }
        if let replacement = work.replacement { startOver(replacement) }
        let deletions = dueDeletions
        if work.through == nil, deletions == nil { return }
        let began = platform_monotonic_ns()
        do throws(BackendError) {
            try write(work, deletions, &report)
        } catch {
            giveBack(work)
            throw error
        }
        report.writeTime = platform_monotonic_ns() - began
        if let through = work.through { flushed(work, through: through, report) }
        if let deletions { deleted(deletions, &report) }
    }

    /// The transaction of one flush.
    private func write(
        _ work: PendingFlush, _ deletions: CompactionScan?, _ report: inout FlushReport
    ) throws(BackendError) {
        var transaction = try keyspace.environment.write()
        var changes = work.changes
        if let through = work.through {
            try append(through: through, to: &transaction, &report)
            changes += work.positionChanges
        }
        for change in changes {
            if let value = change.value {
                try transaction.put(change.bucket, change.key, value)
            } else {
                try transaction.delete(change.bucket, key: change.key)
            }
        }
        if let deletions { try deletions.delete(from: &transaction) }
        try transaction.commit()
    }

    /// The tail up to `through` is in the database.
    private mutating func flushed(_ work: PendingFlush, through: Int64, _ report: FlushReport) {
        flushedThrough = max(flushedThrough, through)
        position = work.position
        compactions += work.compactions
        let durable = Revision(main: through, sub: .max)
        let dropped = keyspace.lock.write { keyspace.tail.drop(through: durable) }
        withExtendedLifetime(dropped) {}
        keyspace.add(unflushedBytes: -report.bytes, records: -report.records)
        keyspace.room.announce()
    }

    /// Forgets the database that was replaced.
    private mutating func startOver(_ replaced: PendingFlush.Replaced) {
        let waiting = compactions.compactMap(\.completion) + replaced.completions
        flushedThrough = replaced.through
        position = replaced.position
        compactions = replaced.unfinished.map { [$0] } ?? []
        scan = nil
        pruning = replaced.compacted > 0 ? (replaced.compacted, []) : nil
        // The file that held those records is gone.
        for completion in waiting { completion() }
    }

    private func append(
        through: Int64, to transaction: inout WriteTransaction, _ report: inout FlushReport
    ) throws(BackendError) {
        let tail = keyspace.lock.read { keyspace.tail }
        var failure: BackendError? = nil
        var (records, bytes) = (0, 0)
        unsafe tail.forEach(from: Revision(main: flushedThrough + 1)) { entry, record in
            guard entry.main <= through else { return false }
            do throws(BackendError) {
                let key = RevisionKey(entry.revision, isTombstone: entry.isTombstone)
                unsafe try key.withBytes { (key) throws(BackendError) in
                    try unsafe transaction.append(.key, key, record)
                }
            } catch {
                failure = error
                return false
            }
            records += 1
            bytes += record.count
            return true
        }
        if let failure { throw failure }
        (report.records, report.bytes) = (records, bytes)
    }

    /// Puts a hand-over back that could not be written; newer changes stay behind it.
    private func giveBack(_ work: PendingFlush) {
        keyspace.pending.withLock { pending in
            pending.changes = work.changes + pending.changes
            pending.compactions = work.compactions + pending.compactions
            pending.through = pending.through ?? work.through
        }
    }

    /// Takes one bounded step of pruning the index; waits while a long walk needs what would go. Answers
    /// for how many nanoseconds it held the lock; the next step is made to fit into `pruneHoldTarget`.
    mutating func prune() -> Int64 {
        guard let step = pruning else { return 0 }
        var held: Int64 = 0
        let next: [UInt8]?? = keyspace.lock.write {
            if let oldest = keyspace.walks.withLock({ $0.oldest }), oldest < step.revision { return .none }
            let began = platform_monotonic_ns()
            defer { held = platform_monotonic_ns() - began }
            return .some(
                keyspace.index.prune(through: step.revision, from: step.position, keysMax: pruneKeys))
        }
        guard let next else { return 0 }
        pruning = next.map { (step.revision, $0) }
        if held > Limits.pruneHoldTarget {
            pruneKeys = max(pruneKeys / 2, Limits.pruneKeysMin)
        } else if held < Limits.pruneHoldTarget / 4 {
            pruneKeys = min(pruneKeys * 2, Limits.pruneKeysMax)
        }
        return held
    }
}
