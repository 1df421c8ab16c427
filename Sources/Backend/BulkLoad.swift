import Glibc

/// Fills a fresh database file record by record (restore from a snapshot), then puts it in place.
///
/// Written without syncs in transactions of 64 MB (LMDB 0.9.24 leaks when a transaction outgrows its
/// dirty list), and synced once at the end: until `finish` or `Environment.replace` the file has a
/// temporary name and counts for nothing; left over by a crash, the next open removes it.
package struct BulkLoad: ~Copyable {
    private let path: String
    private let temporary: String
    private var environment: Environment?
    private var transaction: WriteTransaction?
    private var pendingBytes = 0
    private var isHandedOver = false

    private static let transactionBytesMax = 64 << 20

    /// Begins a file beside `path`, which is left alone until the end and may be open meanwhile.
    package init(replacing path: String) throws(BackendError) {
        self.path = path
        temporary = temporaryPath(for: path)
        var options = Environment.Options()
        options.isSynced = false
        environment = try Environment(path: temporary, options: options)
    }

    deinit {
        if !isHandedOver { Successor.removeFiles(of: temporary) }
    }

    /// Adds a record; quickest in the order of buckets and keys, in which snapshots come.
    package mutating func add(_ bucket: Bucket, key: [UInt8], value: [UInt8]) throws(BackendError) {
        if transaction == nil { transaction = try environment?.write() }
        try transaction?.put(bucket, key, value)
        pendingBytes += key.count + value.count
        if pendingBytes >= BulkLoad.transactionBytesMax { try commit() }
    }

    private mutating func commit() throws(BackendError) {
        pendingBytes = 0
        if let transaction = transaction.take() { try transaction.commit() }
    }

    /// Makes the file durable and closes it.
    private mutating func complete() throws(BackendError) {
        try commit()
        try environment?.sync()
        environment = nil
    }

    /// Makes the new file durable and renames it over the path, which nobody has open; it can be opened
    /// afterwards.
    package consuming func finish() throws(BackendError) {
        try complete()
        try replaceFile(temporary, path)
        unsafe unlink(path + "-lock")
        try syncDirectory(of: path)
    }

    /// Makes the new file durable and opens it, to take the place of the one `environment` has open.
    package consuming func finish(beside environment: Environment) throws(BackendError) -> Successor {
        precondition(environment.path == path)
        try complete()
        unsafe unlink(temporary + ".lock")
        isHandedOver = true
        return try Successor(of: environment, at: temporary)
    }
}
