import Backend
import CPlatform
import Glibc
import Synchronization

/// How far one compaction has come over the records in the order of revisions.
struct CompactionScan {
    let compaction: Compaction
    var position = Revision(main: 0)
    /// What it found and no flush has deleted yet, in order.
    var doomed: [RevisionKey] = []
    /// It has seen every record at or below the compacted revision.
    var isAtEnd = false
    var hash: KeyHash
    /// On the monotonic clock.
    let began: Int64

    /// It waits for a flush.
    var isFull: Bool { isAtEnd || doomed.count >= Limits.compactionDoomedMax }

    /// Deletes what was found; the last time it also notes that the compaction is finished.
    func delete(from transaction: inout WriteTransaction) throws(BackendError) {
        for key in doomed {
            unsafe try key.withBytes { (key) throws(BackendError) in
                _ = try unsafe transaction.delete(.key, key)
            }
        }
        if isAtEnd {
            let key = RevisionKey(Revision(main: compaction.revision))
            try transaction.put(.meta, MetaKey.finishedCompactRev, key.etcdBytes)
        }
    }
}

extension Flusher {
    /// One slice: looks at the next records at or below the compacted revision, and remembers those no read
    /// can need, for the next flush to delete.
    mutating func lookForDeletions(_ report: inout FlushReport) throws(BackendError) {
        guard let compaction = compactions.first, mayDelete(compaction) else { return }
        let began = platform_monotonic_ns()
        var scan = self.scan.take() ?? begin(compaction)
        defer { self.scan = scan }
        if scan.isFull { return }
        try look(&scan)
        report.compactionTime = platform_monotonic_ns() - began
    }

    /// What the next transaction shall delete.
    var dueDeletions: CompactionScan? {
        // Asked again: a watch may have fallen behind since the slice.
        guard let scan, scan.isAtEnd || !scan.doomed.isEmpty, mayDelete(scan.compaction) else { return nil }
        return scan
    }

    /// Neither a dump nor a watch needs what it would take away.
    func mayDelete(_ compaction: Compaction) -> Bool {
        if isHeld { return false }
        guard let floor = keyspace.watchFloors.withLock({ $0.lowest }) else { return true }
        return floor > compaction.revision
    }

    /// The deletions are durable.
    mutating func deleted(_ deletions: CompactionScan, _ report: inout FlushReport) {
        report.deleted = deletions.doomed.count
        scan?.doomed.removeAll(keepingCapacity: true)
        guard deletions.isAtEnd else { return }
        scan = nil
        report.endedCompaction = platform_monotonic_ns() - deletions.began
        compactions.removeFirst()
        let compaction = deletions.compaction
        if compaction.isWhole {
            let hash = KeyspaceHash(
                hash: deletions.hash.value, compactRevision: compaction.previous,
                hashRevision: compaction.revision)
            keyspace.hashes.withLock { $0.add(hash) }
        }
        pruning = (compaction.revision, [])
        compaction.completion?()
    }

    private func begin(_ compaction: Compaction) -> CompactionScan {
        let isKeepEmpty = keyspace.lock.read { !keyspace.index.hasLive(at: compaction.revision) }
        let rule = HashRule(
            revision: compaction.revision, compacted: compaction.previous, isKeepEmpty: isKeepEmpty)
        return CompactionScan(
            compaction: compaction, hash: KeyHash(rule), began: platform_monotonic_ns())
    }

    /// Looks at the next records, and feeds all to the hash.
    private func look(_ scan: inout CompactionScan) throws(BackendError) {
        let limit = scan.compaction.revision
        let transaction = try keyspace.environment.read()
        var cursor = try Cursor(transaction, .key)
        var found = unsafe try RevisionKey(scan.position).withBytes { (key) throws(BackendError) in
            try unsafe cursor.seek(key)
        }
        var looked = 0
        let enough = scan.doomed.count + compactionBatch
        while let record = unsafe found {
            guard let key = unsafe RevisionKey(record.key), key.revision.main <= limit else { break }
            if looked == compactionBatch * Limits.compactionScanFactor || scan.doomed.count == enough {
                scan.position = key.revision
                return
            }
            looked += 1
            if let head = unsafe RecordHead(record.value) {
                let newest = keyspace.lock.read { unsafe keyspace.index.newest(head.key, at: limit) }
                let isNewest = newest?.revision == key.revision
                // The compaction before is finished: what it left is what it kept.
                let isKept = (isNewest || scan.hash.rule.isKeepEmpty) && !key.isTombstone
                unsafe scan.hash.feed(key, record.value, isKept: isKept)
                if !isNewest || key.isTombstone && key.revision.main < limit { scan.doomed.append(key) }
            }
            unsafe found = try unsafe cursor.next()
        }
        scan.isAtEnd = true
    }
}
