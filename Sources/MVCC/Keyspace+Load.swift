import Backend
import Synchronization

extension Keyspace {
    /// Builds the index from every record of bucket `key` and sets the revisions. Source: spec/wal-snap.md
    /// 6.1. Runs before anybody else knows the keyspace.
    func load() throws(MVCCError) {
        var newest: Int64 = 1
        var last = Revision(main: 0)
        var scheduled: Int64 = -1
        var finished: Int64 = -1
        var damage: MVCCError? = nil
        do throws(BackendError) {
            let transaction = try environment.read()
            var cursor = try Cursor(transaction, .key)
            var found = try unsafe cursor.first()
            while let record = unsafe found {
                guard let key = unsafe RevisionKey(record.key), let head = unsafe RecordHead(record.value),
                    last < key.revision, key.revision.main >= 1, unsafe head.agrees(with: key)
                else {
                    damage = .damagedRecord(last)
                    break
                }
                last = key.revision
                unsafe index.restore(head, at: key, size: record.value.count)
                newest = max(newest, key.revision.main)
                unsafe found = try unsafe cursor.next()
            }
            scheduled = try compactionRevision(transaction, MetaKey.scheduledCompactRev)
            finished = try compactionRevision(transaction, MetaKey.finishedCompactRev)
        } catch {
            throw .backend(error)
        }
        if let damage { throw damage }
        publish(max(newest, scheduled, finished))
        setCompacted(max(scheduled, finished))
        if scheduled > finished {
            pending.withLock {
                $0.compactions = [
                    Compaction(revision: scheduled, previous: finished, isWhole: false, completion: nil)
                ]
            }
        }
    }

    private func compactionRevision(
        _ transaction: borrowing ReadTransaction, _ key: [UInt8]
    ) throws(BackendError) -> Int64 {
        guard let value = try transaction.value(.meta, key), let key = RevisionKey(etcdBytes: value) else {
            return -1
        }
        return key.revision.main
    }
}
