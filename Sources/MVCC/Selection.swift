import Backend

/// The answer of a walk over the index, holding an LMDB view and the tail's chunks until `release`, so that
/// its records stay readable whatever is written, flushed, compacted or defragmented meanwhile.
///
/// Belongs to the thread of its reader. While it is held, freed pages of the database are not reused:
/// a slow consumer must be cut off in bounded time.
package final class Selection {
    /// The current revision when the selection was made (for headers); inside a write, the write's.
    package let currentRevision: Int64
    /// Keys that live in the range at the revision, whatever limit and filters say (see `wantsTotal`).
    package let count: Int
    /// In key order.
    package let matches: [Match]
    private let keys: [UInt8]
    private let keyEnds: [Int]
    private var tail: PendingTail
    private let tailFirst: Revision?
    private var transaction: ReadTransaction?
    /// Where the last record was found; only for selections of several.
    private var cursor: Cursor?
    private var cursorRevision = Revision(main: -1)

    init(_ walk: consuming RangeWalk, currentRevision: Int64, view: consuming View) {
        self.currentRevision = currentRevision
        count = walk.count
        matches = walk.matches
        keys = walk.keys
        keyEnds = walk.keyEnds
        tail = view.tail
        tailFirst = view.tail.first
        transaction = view.takeTransaction()
    }

    deinit { release() }

    /// Gives the views back; the matches stay, records can no longer be read.
    package func release() {
        // The cursor ends before its transaction.
        _ = cursor.take()
        _ = transaction.take()
        tail = PendingTail()
    }

    /// The key of a match; only with `SelectionOptions.wantsKeys`.
    package func key(_ index: Int) -> [UInt8] { Array(keys[keyRange(index)]) }

    /// Calls `body` with the key of a match, without a copy; only with `SelectionOptions.wantsKeys`.
    package func withKey<R>(_ index: Int, _ body: (borrowing RawSpan) -> R) -> R {
        let range = keyRange(index)
        // The buffer does not leave the closure.
        return unsafe keys.withUnsafeBytes { keys in
            let key = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: keys[range]))
            return body(key)
        }
    }

    private func keyRange(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : keyEnds[index - 1])..<keyEnds[index]
    }

    /// Calls `body` with the stored KeyValue of a match: `Match.size` bytes, which may be spliced into an
    /// answer as they are. The bytes are the database's own and must not be kept.
    package func withRecord<R>(_ index: Int, _ body: (borrowing RawSpan) -> R) throws(MVCCError) -> R {
        let record = try unsafe find(matches[index])
        // The span ends with the call; tail and transaction live at least as long.
        return body(unsafe RawSpan(_unsafeBytes: record))
    }

    /// Appends the stored KeyValue of a match.
    package func appendRecord(_ index: Int, to bytes: inout [UInt8]) throws(MVCCError) {
        unsafe bytes.append(contentsOf: try find(matches[index]))
    }

    /// Copies the stored KeyValue of a match to the start of `buffer`, which has room for its `size`.
    package func copyRecord(_ index: Int, into buffer: UnsafeMutableRawBufferPointer) throws(MVCCError) {
        try unsafe buffer.copyMemory(from: find(matches[index]))
    }

    /// A copy of the stored KeyValue of a match.
    package func record(_ index: Int) throws(MVCCError) -> [UInt8] {
        try unsafe [UInt8](find(matches[index]))
    }

    private func find(_ match: Match) throws(MVCCError) -> UnsafeRawBufferPointer {
        if let tailFirst, tailFirst <= match.revision, let record = unsafe tail.find(match.revision),
            record.count == match.size
        {
            return unsafe record
        }
        guard transaction != nil else { throw .damagedRecord(match.revision) }
        let record: UnsafeRawBufferPointer?
        do throws(BackendError) {
            unsafe record = matches.count > 1 ? try seek(match.revision) : try get(match.revision)
        } catch {
            throw .backend(error)
        }
        guard let record = unsafe record, record.count == match.size else {
            throw .damagedRecord(match.revision)
        }
        return unsafe record
    }

    private func get(_ revision: Revision) throws(BackendError) -> UnsafeRawBufferPointer? {
        unsafe try RevisionKey(revision).withBytes { (key) throws(BackendError) in
            try unsafe transaction?.find(.key, key)
        }
    }

    /// Through the cursor: a step when the record is likely the next one (keys written in order), else a
    /// search, which is short on the page where the cursor stands.
    private func seek(_ revision: Revision) throws(BackendError) -> UnsafeRawBufferPointer? {
        if cursor == nil { cursor = try transaction?.cursor(.key) }
        let last = cursorRevision
        cursorRevision = revision
        if revision.main == last.main + 1 && revision.sub == 0
            || revision.main == last.main && revision.sub == last.sub + 1,
            let record = try unsafe cursor?.next(), unsafe RevisionKey(record.key)?.revision == revision
        {
            return unsafe record.value
        }
        return unsafe try RevisionKey(revision).withBytes { (key) throws(BackendError) in
            try unsafe cursor?.find(key)?.value
        }
    }
}

/// What a reader took while it held the lock.
struct View: ~Copyable {
    let tail: PendingTail
    private var transaction: ReadTransaction?

    /// Under the lock of the keyspace: first the tail, then the transaction.
    init(_ keyspace: Keyspace, isStored: Bool = true) throws(MVCCError) {
        tail = keyspace.tail
        do throws(BackendError) {
            transaction = isStored ? try keyspace.environment.read() : nil
        } catch {
            throw .backend(error)
        }
    }

    mutating func takeTransaction() -> ReadTransaction? { transaction.take() }
}
