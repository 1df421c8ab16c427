import Backend
import Bolt
import Glibc
import Journal
import MVCC

/// The state of a member in whatever file it lies: ten buckets of records, in etcd's form and order.
///
///     bbolt      a snapshot of etcd or of this server, or `member/snap/db` of a real etcd
///     database   `member/snap/db` of this server (LMDB)
///     snapshot   a `.snap` file of this server
///
/// All three yield the same bytes for the same state, so whatever is computed over them (hashes, counts,
/// exports) does not depend on the kind. Nothing is changed by reading.
package final class StateSource {
    package enum Kind: Sendable {
        case bbolt, database, snapshot
    }

    package let path: String
    package let kind: Kind
    private let file: File

    private enum File {
        case bbolt(BoltFile)
        case database(Environment)
        case snapshot
    }

    /// Opens a file; its first bytes tell the kind.
    package init(path: String) throws(TransferError) {
        self.path = path
        switch try Self.kind(of: path) {
        case .bbolt:
            (kind, file) = (.bbolt, .bbolt(try bolt { () throws(BoltError) in try BoltFile(path: path) }))
        case .database:
            let environment = try backend { () throws(BackendError) in try Environment(reading: path) }
            (kind, file) = (.database, .database(environment))
        case .snapshot:
            _ = try journal { () throws(JournalError) in try SnapshotReader(path: path) }
            (kind, file) = (.snapshot, .snapshot)
        }
    }

    /// A database that is open already.
    package init(_ environment: Environment) {
        path = environment.path
        (kind, file) = (.database, .database(environment))
    }

    /// What kind of file it is; damaged beginnings included, as far as they can be told.
    package static func kind(of path: String) throws(TransferError) -> Kind {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            if errno == ENOENT { throw .missing(path: path) }
            throw .system(call: "stat", path: path, errno: errno)
        }
        let disk = SystemDisk()
        var bytes: [UInt8] = []
        do throws(DiskError) {
            let file = try disk.open(path, .read)
            defer { disk.close(file) }
            try disk.read(file, at: 0, count: 8192, into: &bytes)
        } catch {
            throw .journal(.disk(error))
        }
        func has(_ magic: [UInt8], at offset: Int) -> Bool {
            bytes.count >= offset + magic.count && Array(bytes[offset..<(offset + magic.count)]) == magic
        }
        if has([0x89, 0x53, 0x4e, 0x41, 0x50], at: 0) { return .snapshot }
        // Both databases have two pages that carry the magic number.
        if has([0xde, 0xc0, 0xef, 0xbe], at: 16) || has([0xde, 0xc0, 0xef, 0xbe], at: 4112) {
            return .database
        }
        if has([0xed, 0xda, 0x0c, 0xed], at: 16) || has([0xed, 0xda, 0x0c, 0xed], at: 4112) {
            return .bbolt
        }
        throw .unknownFile(path: path)
    }

    /// The database of a data directory; any other path as it is.
    package static func databasePath(_ path: String) -> String {
        isDirectory(path) ? path + "/member/snap/db" : path
    }

    /// The first damage of a bbolt file's structure; nil when there is none, or for other kinds, which are
    /// checked when they are opened or read.
    package func firstDamage() -> BoltError? {
        guard case .bbolt(let file) = file else { return nil }
        var first: BoltError?
        _ = file.check { damage in if first == nil { first = damage } }
        return first
    }

    /// Bytes of the file, for progress.
    package var size: UInt64 {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? UInt64(status.st_size) : 0
    }

    /// The bbolt file, if that is the kind.
    package var boltFile: BoltFile? { if case .bbolt(let file) = file { file } else { nil } }

    /// Calls `body` with each record, buckets in the order of their names, keys in theirs, keys of bucket
    /// `key` in etcd's form; the spans end with the call. Stops when `body` answers false.
    package func forEach(
        _ body: (_ bucket: Bucket, _ key: borrowing RawSpan, _ value: borrowing RawSpan) -> Bool
    ) throws(TransferError) {
        switch file {
        case .bbolt(let file): try Self.forEach(in: file, body)
        case .database(let environment):
            let transaction = try backend { () throws(BackendError) in try environment.read() }
            try Self.forEach(in: transaction, path: path, body)
        case .snapshot: try forEachOfSnapshot(body)
        }
    }

    /// Calls `body` with the records of one bucket from the last to the first; only bbolt files and
    /// databases.
    package func forEachDescending(
        in bucket: Bucket, _ body: (_ key: borrowing RawSpan, _ value: borrowing RawSpan) -> Bool
    ) throws(TransferError) {
        var failure: TransferError?
        switch file {
        case .snapshot: throw .unknownFile(path: path)
        case .bbolt(let file):
            try bolt { () throws(BoltError) in
                guard let found = try file.bucket(named: bucket.name) else { return }
                try file.forEach(in: found, .descending, body)
            }
        case .database(let environment):
            let transaction = try backend { () throws(BackendError) in try environment.read() }
            do throws(BackendError) {
                try transaction.forEachDescending(bucket) { key, value in
                    guard bucket == .key else { return body(key, value) }
                    guard let revision = EtcdRevisionKey(stored: key) else {
                        failure = .badRevisionKey(path: path, key: copy(of: key))
                        return false
                    }
                    // The span ends with the call.
                    return unsafe body(revision.etcdBytes.span.bytes, value)
                }
            } catch {
                throw .backend(error)
            }
        }
        if let failure { throw failure }
    }

    /// The environment of a database.
    package var environment: Environment? {
        if case .database(let environment) = file { environment } else { nil }
    }

    private static func forEach(
        in file: BoltFile, _ body: (Bucket, borrowing RawSpan, borrowing RawSpan) -> Bool
    ) throws(TransferError) {
        let buckets = try bolt { () throws(BoltError) in try file.buckets() }
        for found in buckets {
            let name = String(decoding: found.name, as: UTF8.self)
            guard let bucket = Bucket(name: name) else { throw .unknownBucket(path: file.path, name: name) }
            var goesOn = true
            try bolt { () throws(BoltError) in
                try file.forEach(in: found) { key, value in
                    goesOn = body(bucket, key, value)
                    return goesOn
                }
            }
            if !goesOn { return }
        }
    }

    /// The records of one view of a database.
    static func forEach(
        in transaction: borrowing ReadTransaction, path: String,
        _ body: (Bucket, borrowing RawSpan, borrowing RawSpan) -> Bool
    ) throws(TransferError) {
        for bucket in Bucket.allCases {
            var (goesOn, failure) = (true, nil as TransferError?)
            do throws(BackendError) {
                try transaction.forEach(bucket) { key, value in
                    if bucket == .key {
                        guard let revision = EtcdRevisionKey(stored: key) else {
                            failure = .badRevisionKey(path: path, key: copy(of: key))
                            return false
                        }
                        // The span ends with the call.
                        goesOn = unsafe body(bucket, revision.etcdBytes.span.bytes, value)
                    } else {
                        goesOn = body(bucket, key, value)
                    }
                    return goesOn
                }
            } catch {
                throw .backend(error)
            }
            if let failure { throw failure }
            if !goesOn { return }
        }
    }

    private func forEachOfSnapshot(
        _ body: (Bucket, borrowing RawSpan, borrowing RawSpan) -> Bool
    ) throws(TransferError) {
        let path = path
        var reader = try journal { () throws(JournalError) in try SnapshotReader(path: path) }
        while true {
            let hasMore: Bool
            do throws(JournalError) { hasMore = try reader.next() } catch { throw .journal(error) }
            guard hasMore else { return }
            guard let bucket = Bucket(name: reader.bucket) else {
                throw .unknownBucket(path: path, name: reader.bucket)
            }
            let goesOn = try reader.withRecord { key, value throws(TransferError) in
                guard bucket == .key else { return body(bucket, key, value) }
                guard let revision = EtcdRevisionKey(stored: key) else {
                    throw .badRevisionKey(path: path, key: copy(of: key))
                }
                // The span ends with the call.
                return unsafe body(bucket, revision.etcdBytes.span.bytes, value)
            }
            if !goesOn { return }
        }
    }
}

func copy(of bytes: borrowing RawSpan) -> [UInt8] {
    // The buffer does not leave the closure; Array copies it.
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
}
