import Backend

/// What the records of a database add up to: every key with its changes, and the revisions. Source:
/// spec/wal-snap.md 6.1.
struct LoadedKeys {
    let index = KeyIndex()
    private(set) var newest: Int64 = 1
    private(set) var scheduled: Int64 = -1
    private(set) var finished: Int64 = -1
    /// The first record that cannot be read; the rest is not looked at then.
    private var damage: MVCCError?

    /// Reads a whole database; throws what is damaged.
    static func undamaged(
        _ read: () throws(BackendError) -> ReadTransaction
    ) throws(MVCCError) -> LoadedKeys {
        let keys: LoadedKeys
        do throws(BackendError) {
            let transaction = try read()
            keys = try LoadedKeys(transaction)
        } catch {
            throw .backend(error)
        }
        if let damage = keys.damage { throw damage }
        return keys
    }

    /// Reads every record of bucket `key`.
    private init(_ transaction: borrowing ReadTransaction) throws(BackendError) {
        var last = Revision(main: 0)
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
        scheduled = try LoadedKeys.compactionRevision(transaction, MetaKey.scheduledCompactRev)
        finished = try LoadedKeys.compactionRevision(transaction, MetaKey.finishedCompactRev)
    }

    var current: Int64 { max(newest, compacted) }
    var compacted: Int64 { max(scheduled, finished) }

    /// The compaction whose records are not all deleted.
    var unfinished: Compaction? {
        guard scheduled > finished else { return nil }
        return Compaction(revision: scheduled, previous: finished, isWhole: false, completion: nil)
    }

    private static func compactionRevision(
        _ transaction: borrowing ReadTransaction, _ key: [UInt8]
    ) throws(BackendError) -> Int64 {
        guard let value = try transaction.value(.meta, key), let key = RevisionKey(etcdBytes: value) else {
            return -1
        }
        return key.revision.main
    }
}
