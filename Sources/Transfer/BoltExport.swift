import Backend
import Bolt

/// Writes a state as a bbolt file of etcd's: all ten buckets, also the empty ones, keys of bucket `key` in
/// etcd's form. Records come as `StateSource.forEach` yields them.
package struct BoltExport: ~Copyable {
    private var writer: BoltWriter
    /// Buckets not begun yet, the next first.
    private var waiting = ArraySlice(Bucket.allCases)

    /// Writes to `descriptor`, an empty file that stays the caller's; `path` is for errors.
    package init(descriptor: Int32, path: String) {
        writer = BoltWriter(descriptor: descriptor, path: path)
    }

    package var size: UInt64 { writer.size }

    package mutating func add(
        _ bucket: Bucket, key: borrowing RawSpan, value: borrowing RawSpan
    ) throws(BoltError) {
        while let next = waiting.first, next.rawValue <= bucket.rawValue { try begin(next) }
        try writer.append(key: key, value: value)
    }

    /// Completes the file and answers its size. Nothing is synced.
    package consuming func finish() throws(BoltError) -> UInt64 {
        while let next = waiting.first { try begin(next) }
        return try writer.finish()
    }

    private mutating func begin(_ bucket: Bucket) throws(BoltError) {
        waiting = waiting.dropFirst()
        try writer.begin(bucket: Array(bucket.name.utf8))
    }

    /// Writes everything one view of the database holds; answers the size of the file. This is what
    /// Maintenance.Snapshot sends.
    package static func write(
        _ environment: Environment, to descriptor: Int32, path: String
    ) throws(TransferError) -> UInt64 {
        let transaction = try backend { () throws(BackendError) in try environment.read() }
        var export = BoltExport(descriptor: descriptor, path: path)
        var failure: BoltError?
        try StateSource.forEach(in: transaction, path: environment.path) { bucket, key, value in
            do throws(BoltError) { try export.add(bucket, key: key, value: value) } catch { failure = error }
            return failure == nil
        }
        if let failure { throw .bolt(failure) }
        do throws(BoltError) { return try export.finish() } catch { throw .bolt(error) }
    }
}
