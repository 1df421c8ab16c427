import Backend
import Synchronization

extension Keyspace {
    /// Keys a walk visits before it lets the lock go and takes it again: some 50 us.
    private static let walkKeysMax = 4096

    /// Selects for a reader (`visible` nil) or inside a write, which sees up to its own revision.
    func select(
        _ range: KeyRange, revision: Int64, visible: Int64?, options: SelectionOptions
    ) throws(MVCCError) -> Selection {
        precondition(!range.start.isEmpty, "a range has a start")
        var walk: RangeWalk? = nil
        var top: Int64 = 0
        var walked: KeyIndex? = nil
        let view = try lock.read { () throws(MVCCError) -> View in
            top = visible ?? currentRevision
            if revision > top { throw .futureRevision }
            if revision > 0, revision < compactedRevision { throw .compacted(compactedRevision) }
            var started = RangeWalk(range: range, revision: revision > 0 ? revision : top, options: options)
            step(&started, range)
            let view = try View(self, isStored: !options.isCountOnly && options.wantsRecords)
            if !started.isDone {
                walks.withLock { $0.begin(started.revision) }
                walked = index
            }
            walk = started
            return view
        }
        guard var walk = walk.take() else { preconditionFailure("set under the lock") }
        // The index it began with, though another may have taken its place since.
        if let index = walked {
            defer { walks.withLock { $0.end(walk.revision) } }
            while !walk.isDone { lock.read { index.advance(&walk, keysMax: Keyspace.walkKeysMax) } }
        }
        return Selection(walk, currentRevision: top, view: view)
    }

    private func step(_ walk: inout RangeWalk, _ range: KeyRange) {
        if walk.isDone { return }
        guard range.end == .single else { return index.advance(&walk, keysMax: Keyspace.walkKeysMax) }
        // The buffer does not leave the closure.
        if let match = unsafe range.start.withUnsafeBytes({ unsafe index.match($0, at: walk.revision) }) {
            walk.foundSingle(match)
        }
        walk.isDone = true
    }

    /// With a `floor` at or below `from`, that keeps the records, whatever is compacted; false and nothing
    /// more when the state was replaced since the floor joined it.
    @discardableResult
    func changes(
        from: Int64, through: Int64, floor: WatchFloor?, _ body: (Revision, Bool, borrowing RawSpan) -> Bool
    ) throws(MVCCError) -> Bool {
        var last: Int64 = 0
        let view = try lock.read { () throws(MVCCError) -> View? in
            last = min(through, currentRevision)
            if let floor {
                if floor.succession != succession.number { return nil }
            } else if from < compactedRevision {
                throw .compacted(compactedRevision)
            }
            let isInTail = tail.first.map { $0.main < from || $0 == Revision(main: from) } ?? false
            return try View(self, isStored: !isInTail)
        }
        guard let view = consume view else { return false }
        guard from <= last else { return true }
        try log(view, from: from, through: last, body)
        return true
    }

    /// Calls `body` with the records of a view in the order of revisions: those of LMDB below the tail,
    /// then the tail.
    func log(
        _ view: consuming View, from: Int64, through: Int64,
        _ body: (Revision, Bool, borrowing RawSpan) -> Bool
    ) throws(MVCCError) {
        let start = Revision(main: max(from, 0))
        var isGoing = true
        if let transaction = view.takeTransaction() {
            let bound = min(view.tail.first ?? Revision(main: .max), Revision(main: through, sub: .max))
            isGoing = try stored(transaction, from: start, through: bound, body)
        }
        guard isGoing else { return }
        unsafe view.tail.forEach(from: start) { entry, record in
            guard entry.main <= through else { return false }
            // The span ends with the call; `view` holds the chunk.
            return body(entry.revision, entry.isTombstone, unsafe RawSpan(_unsafeBytes: record))
        }
    }

    /// The part of `log` that is in LMDB, up to but not including `bound` where that is in the tail.
    /// Answers whether `body` wants more.
    private func stored(
        _ transaction: borrowing ReadTransaction, from: Revision, through bound: Revision,
        _ body: (Revision, Bool, borrowing RawSpan) -> Bool
    ) throws(MVCCError) -> Bool {
        var damage: MVCCError? = nil
        var last = from
        do throws(BackendError) {
            var cursor = try Cursor(transaction, .key)
            var found = unsafe try RevisionKey(from).withBytes { (key) throws(BackendError) in
                try unsafe cursor.seek(key)
            }
            while let record = unsafe found {
                guard let key = unsafe RevisionKey(record.key) else {
                    damage = .damagedRecord(last)
                    break
                }
                last = key.revision
                if key.revision >= bound { return true }
                // The span ends with the call; the transaction lives longer.
                let bytes = unsafe RawSpan(_unsafeBytes: record.value)
                guard body(key.revision, key.isTombstone, bytes) else { return false }
                unsafe found = try unsafe cursor.next()
            }
        } catch {
            throw .backend(error)
        }
        if let damage { throw damage }
        return true
    }
}
