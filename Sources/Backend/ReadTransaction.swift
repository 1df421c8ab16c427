import CLMDB

/// A fixed view of every bucket as of one commit; ends with its lifetime.
///
/// It may be used from any one thread at a time. While it lives, pages its view needs are not reused, so
/// the file may grow: keep it short, or bounded.
@safe package struct ReadTransaction: ~Copyable {
    let generation: Generation
    let handle: ReaderHandle

    init(_ generation: Generation) throws(BackendError) {
        self.generation = generation
        handle = try generation.takeReader()
    }

    deinit { generation.giveBack(handle) }

    /// The bytes stored under `key`, valid as long as this transaction; nil when there are none.
    package borrowing func find(
        _ bucket: Bucket, _ key: UnsafeRawBufferPointer
    ) throws(BackendError) -> UnsafeRawBufferPointer? {
        guard key.count > 0 else { return nil }
        var wanted = unsafe MDB_val(key)
        var found = unsafe MDB_val()
        let code = unsafe mdb_get(handle.transaction, generation.handle(of: bucket), &wanted, &found)
        if code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE { return nil }
        try check("mdb_get", code)
        return unsafe found.buffer
    }

    /// A copy of the bytes stored under `key`.
    package borrowing func value(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]? {
        var failure: BackendError? = nil
        let value: [UInt8]? = unsafe key.withUnsafeBytes { key in
            do throws(BackendError) {
                return try unsafe find(bucket, key).map { unsafe [UInt8]($0) }
            } catch {
                failure = error
                return nil
            }
        }
        if let failure { throw failure }
        return value
    }

    /// How many records the bucket holds.
    package borrowing func count(_ bucket: Bucket) throws(BackendError) -> Int {
        var statistics = MDB_stat()
        let handle = generation.handle(of: bucket)
        try check("mdb_stat", unsafe mdb_stat(self.handle.transaction, handle, &statistics))
        return statistics.ms_entries
    }

    /// A cursor of this transaction, standing nowhere; the caller ends it first.
    package borrowing func cursor(_ bucket: Bucket) throws(BackendError) -> Cursor {
        try Cursor(self, bucket)
    }

    /// Calls `body` with each record of the bucket, in the order of its keys, until it answers false.
    package borrowing func forEach(
        _ bucket: Bucket, _ body: (_ key: borrowing RawSpan, _ value: borrowing RawSpan) -> Bool
    ) throws(BackendError) {
        var cursor = try Cursor(self, bucket)
        var record = try unsafe cursor.first()
        while let current = unsafe record {
            // The spans do not outlive the call, the transaction outlives both.
            let key = unsafe RawSpan(_unsafeBytes: current.key)
            let value = unsafe RawSpan(_unsafeBytes: current.value)
            guard body(key, value) else { return }
            unsafe record = try unsafe cursor.next()
        }
    }
}

extension ReadTransaction {
    /// The same from the last record to the first.
    package borrowing func forEachDescending(
        _ bucket: Bucket, _ body: (_ key: borrowing RawSpan, _ value: borrowing RawSpan) -> Bool
    ) throws(BackendError) {
        var cursor = try Cursor(self, bucket)
        var record = try unsafe cursor.last()
        while let current = unsafe record {
            // The spans do not outlive the call, the transaction outlives both.
            let key = unsafe RawSpan(_unsafeBytes: current.key)
            let value = unsafe RawSpan(_unsafeBytes: current.value)
            guard body(key, value) else { return }
            unsafe record = try unsafe cursor.previous()
        }
    }
}

extension MDB_val {
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.init(
            mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    var buffer: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: mv_data, count: mv_size) }
}
