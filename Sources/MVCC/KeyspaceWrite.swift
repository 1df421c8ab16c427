import Backend

/// What a `KeyspaceWrite.delete` is to give back besides the number.
package struct DeletionRequest: Sendable {
    /// The stored KeyValue of each key before its deletion.
    package var wantsRecords = false
    /// The keys deleted.
    package var wantsKeys = false
    package init(wantsRecords: Bool = false, wantsKeys: Bool = false) {
        self.wantsRecords = wantsRecords
        self.wantsKeys = wantsKeys
    }
}

/// What a deletion did, in key order.
package struct Deletion: Sendable {
    package var count = 0
    package var keys: [[UInt8]] = []
    package var records: [[UInt8]] = []
    /// The deleted keys that had a lease; always filled, for the lessor to detach.
    package var leasedKeys: [[UInt8]] = []
    package init() {}
}

/// One write of the state machine: all its changes get one main revision and subs in order.
///
/// Apply thread only. Changes are invisible to readers until `commit`; there is no way back, so whatever
/// can fail is checked before the first change (spec/api.md 12.5). Dropping a write with changes is a bug
/// and traps.
package struct KeyspaceWrite: ~Copyable {
    private let keyspace: Keyspace
    /// The current revision when the write began.
    package let beginRevision: Int64
    /// Changes so far.
    package private(set) var changeCount: Int64 = 0
    private var bytes = 0

    init(_ keyspace: Keyspace) {
        self.keyspace = keyspace
        beginRevision = keyspace.currentRevision
    }

    deinit { precondition(changeCount == 0, "a write with changes ends by commit") }

    /// The revision responses carry: `beginRevision`, and one more once something changed.
    package var revision: Int64 { changeCount == 0 ? beginRevision : beginRevision + 1 }

    private mutating func nextRevision() -> Revision {
        defer { changeCount += 1 }
        return Revision(main: beginRevision + 1, sub: changeCount)
    }

    /// Stores a value under a key; lease 0 is none. Answers what the new record says.
    @discardableResult
    package mutating func put(
        key: borrowing RawSpan, value: borrowing RawSpan, lease: Int64
    ) -> (createRevision: Int64, version: Int64) {
        precondition(key.byteCount > 0, "an empty key")
        let revision = nextRevision()
        // The buffers do not leave the closure; the tail's place has `size` bytes.
        let valueSize = value.byteCount
        let (fields, place, size) = unsafe key.withUnsafeBytes { key in
            unsafe keyspace.lock.write {
                let fields = unsafe keyspace.index.put(key, at: revision, valueSize: valueSize, lease: lease)
                let size = fields.size(keySize: key.count, valueSize: valueSize)
                let place = unsafe keyspace.tail.append(revision, isTombstone: false, size: size)
                return unsafe (fields, place, size)
            }
        }
        // Outside the lock: no reader looks here before `commit`.
        unsafe fields.write(key: key, value: value, to: place)
        bytes += size
        return (fields.createRevision, fields.version)
    }

    /// Stores a value under a key.
    @discardableResult
    package mutating func put(
        key: [UInt8], value: [UInt8], lease: Int64
    ) -> (createRevision: Int64, version: Int64) {
        unsafe put(key: key.span.bytes, value: value.span.bytes, lease: lease)
    }

    /// Deletes the keys of a range that live, this write's own included.
    package mutating func delete(
        _ range: KeyRange, _ request: DeletionRequest = DeletionRequest()
    ) throws(MVCCError) -> Deletion {
        var options = SelectionOptions()
        options.wantsKeys = true
        let selection = try select(range, options: options)
        defer { selection.release() }
        var deletion = Deletion()
        deletion.count = selection.count
        if request.wantsRecords {
            for index in selection.matches.indices {
                deletion.records.append(try selection.record(index))
            }
        }
        for (index, match) in selection.matches.enumerated() {
            let key = selection.key(index)
            delete(key: key)
            if match.hasLease { deletion.leasedKeys.append(key) }
            if request.wantsKeys { deletion.keys.append(key) }
        }
        return deletion
    }

    /// Deletes one key; answers whether it lived.
    @discardableResult
    package mutating func delete(key: [UInt8]) -> Bool {
        let revision = Revision(main: beginRevision + 1, sub: changeCount)
        let size = RecordFields.tombstoneSize(keySize: key.count)
        let isDeleted = unsafe key.withUnsafeBytes { bytes in
            keyspace.lock.write {
                guard unsafe keyspace.index.delete(bytes, at: revision) else { return false }
                let place = unsafe keyspace.tail.append(revision, isTombstone: true, size: size)
                unsafe RecordFields.writeTombstone(key: key.span.bytes, to: place)
                return true
            }
        }
        if isDeleted {
            changeCount += 1
            bytes += size
        }
        return isDeleted
    }

    /// Selects as `KeyspaceReader.select` does, but sees this write's own changes: revision <= 0 is
    /// `revision`, and the bounds are the same as there with `revision` as the current one.
    package func select(
        _ range: KeyRange, revision: Int64 = 0, options: SelectionOptions = SelectionOptions()
    ) throws(MVCCError) -> Selection {
        try keyspace.select(range, revision: revision, visible: self.revision, options: options)
    }

    /// Publishes the changes: reads and watches that start now see them all.
    package consuming func commit() {
        if changeCount > 0 {
            keyspace.add(unflushedBytes: bytes, records: Int(changeCount))
            keyspace.publish(beginRevision + 1)
        }
        changeCount = 0
    }
}
