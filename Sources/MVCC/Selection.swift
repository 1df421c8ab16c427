import Backend
import Wire

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
    /// The sum of their `Match.fieldSize`.
    package let fieldBytes: Int
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
        fieldBytes = walk.fieldBytes
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

    /// Copies the stored KeyValues of the matches of `range` to the start of `buffer`, each as a field of a
    /// message (`tag`, length, record), as many as fit whole. Says how many those are, and their bytes.
    package func copyFields(
        _ range: Range<Int>, tag: UInt8, into buffer: UnsafeMutableRawBufferPointer
    ) throws(MVCCError) -> (count: Int, bytes: Int) {
        var written = 0
        for index in range {
            let match = matches[index]
            let size = Int(match.size)
            let start = written + 1 + varintSize(UInt64(size))
            guard start + size <= buffer.count else { return (index - range.lowerBound, written) }
            let record = try unsafe find(match)
            // All up to start + size lies in the buffer, and the record has `size` bytes.
            unsafe buffer[written] = tag
            unsafe writeVarint(
                UInt64(size), into: UnsafeMutableRawBufferPointer(rebasing: buffer[written + 1..<start]))
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: record)
            written = start + size
        }
        return (range.count, written)
    }

    /// A copy of the stored KeyValue of a match.
    package func record(_ index: Int) throws(MVCCError) -> [UInt8] {
        try unsafe [UInt8](find(matches[index]))
    }

    private func find(_ match: Match) throws(MVCCError) -> UnsafeRawBufferPointer {
        let revision = match.revision
        if let record = unsafe try step(to: revision), record.count == match.size { return unsafe record }
        if let tailFirst, tailFirst <= revision, let record = unsafe tail.find(revision),
            record.count == match.size
        {
            return unsafe record
        }
        guard transaction != nil else { throw .damagedRecord(revision) }
        let record: UnsafeRawBufferPointer?
        do throws(BackendError) {
            unsafe record = matches.count > 1 ? try seek(revision) : try get(revision)
        } catch {
            throw .backend(error)
        }
        guard let record = unsafe record, record.count == match.size else {
            throw .damagedRecord(revision)
        }
        return unsafe record
    }

    /// A step of the cursor, when the record is likely the next one in the database: keys written in order
    /// have their records in order.
    @inline(__always) private func step(to revision: Revision) throws(MVCCError) -> UnsafeRawBufferPointer? {
        let last = cursorRevision
        guard
            revision.main == last.main + 1 && revision.sub == 0
                || revision.main == last.main && revision.sub == last.sub + 1
        else { return nil }
        do throws(BackendError) {
            guard let record = try unsafe cursor?.next(),
                unsafe RevisionKey(record.key)?.revision == revision
            else { return nil }
            cursorRevision = revision
            return unsafe record.value
        } catch {
            throw .backend(error)
        }
    }

    private func get(_ revision: Revision) throws(BackendError) -> UnsafeRawBufferPointer? {
        unsafe try RevisionKey(revision).withBytes { (key) throws(BackendError) in
            try unsafe transaction?.find(.key, key)
        }
    }

    /// Through the cursor: a search, which is short on the page where it stands.
    private func seek(_ revision: Revision) throws(BackendError) -> UnsafeRawBufferPointer? {
        if cursor == nil { cursor = try transaction?.cursor(.key) }
        cursorRevision = revision
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
