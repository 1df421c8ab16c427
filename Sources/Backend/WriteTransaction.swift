import CLMDB

/// The one write transaction at a time: begun, filled and ended on the same thread.
///
/// Ends by `commit` or `abort`; dropping it aborts. When `commit` returns, everything in it is on the
/// disk (unless the environment was opened unsynced), and readers begun later see it.
@safe package struct WriteTransaction: ~Copyable {
    private let environment: Environment
    private let generation: Generation
    private var transaction: OpaquePointer?

    init(_ environment: Environment, _ generation: Generation) throws(BackendError) {
        self.environment = environment
        self.generation = generation
        unsafe transaction = nil
        environment.beginWriting()
        var begun: OpaquePointer? = nil
        let code = unsafe mdb_txn_begin(generation.environment, nil, 0, &begun)
        unsafe transaction = begun
        if code != 0 { environment.endWriting() }
        try check("mdb_txn_begin", code)
    }

    deinit {
        if let transaction = unsafe transaction {
            unsafe mdb_txn_abort(transaction)
            environment.endWriting()
        }
    }

    /// Stores `value` under `key`, replacing what is there.
    package mutating func put(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]) throws(BackendError) {
        let handle = generation.handle(of: bucket)
        let code = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                var key = unsafe MDB_val(key)
                var value = unsafe MDB_val(value)
                return unsafe mdb_put(transaction, handle, &key, &value, 0)
            }
        }
        if code == MDB_BAD_VALSIZE { throw .keyTooLong(size: key.count) }
        try check("mdb_put", code)
    }

    /// Stores a record whose key is above all others of the bucket (checked by LMDB: throws otherwise).
    package mutating func append(
        _ bucket: Bucket, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(BackendError) {
        var key = unsafe MDB_val(key)
        var value = unsafe MDB_val(value)
        let handle = generation.handle(of: bucket)
        try check("mdb_put", unsafe mdb_put(transaction, handle, &key, &value, UInt32(MDB_APPEND)))
    }

    /// Removes the record of `key`; answers whether there was one.
    @discardableResult
    package mutating func delete(_ bucket: Bucket, _ key: UnsafeRawBufferPointer) throws(BackendError) -> Bool
    {
        guard key.count > 0 else { return false }
        var key = unsafe MDB_val(key)
        let code = unsafe mdb_del(transaction, generation.handle(of: bucket), &key, nil)
        if code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE { return false }
        try check("mdb_del", code)
        return true
    }

    /// Removes the record of `key`; answers whether there was one.
    @discardableResult
    package mutating func delete(_ bucket: Bucket, key: [UInt8]) throws(BackendError) -> Bool {
        var failure: BackendError? = nil
        let isFound = unsafe key.withUnsafeBytes { key in
            do throws(BackendError) {
                return try unsafe delete(bucket, key)
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        return isFound
    }

    /// Makes all of it durable and visible, or throws and leaves the database as it was.
    package consuming func commit() throws(BackendError) {
        let open = unsafe transaction
        unsafe transaction = nil
        let code = unsafe mdb_txn_commit(open)
        environment.endWriting()
        try check("mdb_txn_commit", code)
        environment.measure(generation)
    }

    /// Leaves the database as it was.
    package consuming func abort() {}
}
