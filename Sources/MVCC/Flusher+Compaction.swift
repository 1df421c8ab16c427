import Backend
import CPlatform
import Glibc
import Synchronization

/// How far the deletion of one compaction has come, over the records in the order of revisions.
struct CompactionScan {
    let compaction: Compaction
    var position = Revision(main: 0)
    var hash: KeyHash
    /// On the monotonic clock.
    let began: Int64
}

extension Flusher {
    /// One slice of compaction, and some steps of pruning the index.
    mutating func compact(_ report: inout FlushReport) throws(MVCCError) {
        if !compactions.isEmpty {
            let began = platform_monotonic_ns()
            let running = scan?.began ?? began
            let waiting = compactions.count
            report.deleted = try compactSlice()
            let ended = platform_monotonic_ns()
            report.compactionTime = ended - began
            if compactions.count < waiting { report.endedCompaction = ended - running }
        }
        for _ in 0..<Limits.pruneStepsMax where pruning != nil {
            report.pruneHold = max(report.pruneHold ?? 0, prune())
        }
    }

    /// Looks at the next records at or below the compacted revision and deletes those no read can need:
    /// at most 1000 in one transaction. Answers how many.
    mutating func compactSlice() throws(MVCCError) -> Int {
        guard let compaction = compactions.first else { return 0 }
        if let floor = keyspace.watchFloors.withLock({ $0.lowest }), floor <= compaction.revision { return 0 }
        var scan = self.scan ?? begin(compaction)
        var doomed: [RevisionKey] = []
        var isDone = false
        do throws(BackendError) {
            isDone = try look(&scan, &doomed)
            if isDone || !doomed.isEmpty {
                var transaction = try keyspace.environment.write()
                for key in doomed {
                    unsafe try key.withBytes { (key) throws(BackendError) in
                        _ = try unsafe transaction.delete(.key, key)
                    }
                }
                if isDone {
                    let key = RevisionKey(Revision(main: compaction.revision))
                    try transaction.put(.meta, MetaKey.finishedCompactRev, key.etcdBytes)
                }
                try transaction.commit()
            }
        } catch {
            throw .backend(error)
        }
        self.scan = scan
        if isDone { finish(scan) }
        return doomed.count
    }

    private func begin(_ compaction: Compaction) -> CompactionScan {
        let isKeepEmpty = keyspace.lock.read { !keyspace.index.hasLive(at: compaction.revision) }
        let rule = HashRule(
            revision: compaction.revision, compacted: compaction.previous, isKeepEmpty: isKeepEmpty)
        return CompactionScan(
            compaction: compaction, hash: KeyHash(rule), began: platform_monotonic_ns())
    }

    private mutating func finish(_ scan: CompactionScan) {
        self.scan = nil
        compactions.removeFirst()
        if scan.compaction.isWhole {
            let hash = KeyspaceHash(
                hash: scan.hash.value, compactRevision: scan.compaction.previous,
                hashRevision: scan.compaction.revision)
            keyspace.hashes.withLock { $0.add(hash) }
        }
        pruning = (scan.compaction.revision, [])
        scan.compaction.completion?()
    }

    /// Collects what to delete among the next records, and feeds all to the hash; true at the end.
    private func look(_ scan: inout CompactionScan, _ doomed: inout [RevisionKey]) throws(BackendError)
        -> Bool
    {
        let limit = scan.compaction.revision
        let transaction = try keyspace.environment.read()
        var cursor = try Cursor(transaction, .key)
        var found = unsafe try RevisionKey(scan.position).withBytes { (key) throws(BackendError) in
            try unsafe cursor.seek(key)
        }
        var looked = 0
        while let record = unsafe found {
            guard let key = unsafe RevisionKey(record.key), key.revision.main <= limit else { return true }
            if looked == Limits.compactionScanMax || doomed.count == Limits.compactionDeleteMax {
                scan.position = key.revision
                return false
            }
            looked += 1
            if let head = unsafe RecordHead(record.value) {
                let newest = keyspace.lock.read { unsafe keyspace.index.newest(head.key, at: limit) }
                let isNewest = newest?.revision == key.revision
                // The compaction before is finished: what it left is what it kept.
                let isKept = (isNewest || scan.hash.rule.isKeepEmpty) && !key.isTombstone
                unsafe scan.hash.feed(key, record.value, isKept: isKept)
                if !isNewest || key.isTombstone && key.revision.main < limit { doomed.append(key) }
            }
            unsafe found = try unsafe cursor.next()
        }
        return true
    }
}
