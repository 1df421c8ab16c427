import CLMDB
import CPlatform

/// A record where it lies in the database; valid until its transaction ends (read) or writes (write).
@unsafe package struct StoredRecord {
    package let key: UnsafeRawBufferPointer
    package let value: UnsafeRawBufferPointer
}

/// A place in one bucket. It must not outlive its transaction; the compiler does not see that, so
/// cursors live in the scope that holds the transaction.
@safe package struct Cursor: ~Copyable {
    private let cursor: OpaquePointer

    /// A cursor of a read transaction, standing nowhere.
    package init(_ transaction: borrowing ReadTransaction, _ bucket: Bucket) throws(BackendError) {
        unsafe cursor = try unsafe Cursor.open(
            transaction.handle.transaction, transaction.generation.handle(of: bucket))
    }

    private static func open(_ transaction: OpaquePointer, _ bucket: MDB_dbi) throws(BackendError)
        -> OpaquePointer
    {
        var cursor: OpaquePointer? = nil
        try check("mdb_cursor_open", unsafe mdb_cursor_open(transaction, bucket, &cursor))
        guard let cursor = unsafe cursor else { throw .database(call: "mdb_cursor_open", code: -1) }
        return unsafe cursor
    }

    deinit { unsafe mdb_cursor_close(cursor) }

    /// The record of the smallest key.
    package mutating func first() throws(BackendError) -> StoredRecord? { try unsafe step(MDB_FIRST) }

    /// The record of the largest key.
    package mutating func last() throws(BackendError) -> StoredRecord? { try unsafe step(MDB_LAST) }

    /// The record behind the present one, or the first when it stands nowhere.
    package mutating func next() throws(BackendError) -> StoredRecord? {
        guard let record = try unsafe step(MDB_NEXT) else { return nil }
        // Whoever goes from record to record reads them.
        unsafe platform_prefetch_record(record.value.baseAddress, record.value.count)
        return unsafe record
    }

    /// The record before the present one, or the last when it stands nowhere.
    package mutating func previous() throws(BackendError) -> StoredRecord? { try unsafe step(MDB_PREV) }

    /// The record of the smallest key that is not below `key`.
    package mutating func seek(_ key: UnsafeRawBufferPointer) throws(BackendError) -> StoredRecord? {
        try unsafe step(MDB_SET_RANGE, from: key)
    }

    /// The record of exactly this key; quick when it lies on the page where the cursor stands.
    package mutating func find(_ key: UnsafeRawBufferPointer) throws(BackendError) -> StoredRecord? {
        try unsafe step(MDB_SET_KEY, from: key)
    }

    private func step(
        _ operation: MDB_cursor_op, from start: UnsafeRawBufferPointer? = nil
    ) throws(BackendError) -> StoredRecord? {
        var key = if let start = unsafe start { unsafe MDB_val(start) } else { unsafe MDB_val() }
        var value = unsafe MDB_val()
        let code = unsafe mdb_cursor_get(cursor, &key, &value, operation)
        if code != MDB_SUCCESS {
            if code == MDB_NOTFOUND { return nil }
            try check("mdb_cursor_get", code)
        }
        return unsafe StoredRecord(key: key.buffer, value: value.buffer)
    }
}
