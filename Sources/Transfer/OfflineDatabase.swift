import Backend
import Journal
import MVCC
import Raft
import Store
import Wire

/// What can be done with the database of a stopped member.
package enum OfflineDatabase {
    /// Rewrites the database without its free pages; answers its size before and after.
    package static func defragment(_ dataDirectory: String) throws(TransferError) -> (UInt64, UInt64) {
        let environment = try open(dataDirectory)
        let before = UInt64(environment.sizeOnDisk)
        try backend { () throws(BackendError) in try environment.defragment() }
        return (before, UInt64(environment.sizeOnDisk))
    }

    /// HashKV of a file or a data directory as it is, without what its log holds beyond the database.
    package static func hashKV(
        _ path: String, revision: Int64, progress: (UInt64) -> Void
    ) throws(TransferError) -> KeyspaceHash {
        let source = try StateSource(path: StateSource.databasePath(path))
        let temporary = source.kind == .database ? nil : try TemporaryDirectory(in: "/tmp")
        let environment: Environment
        if let temporary {
            try DatabaseLoad.run(source, to: temporary.database, progress: progress)
            environment = try backend { () throws(BackendError) in try Environment(path: temporary.database) }
        } else {
            environment = try backend { () throws(BackendError) in try Environment(reading: source.path) }
        }
        defer { withExtendedLifetime(temporary) {} }
        let keyspace = try onKeyspace { () throws(MVCCError) in try Keyspace(environment: environment) }
        return try onKeyspace { () throws(MVCCError) in try keyspace.hashKV(revision: revision) }
    }

    /// Sets or removes `storageVersion` in bucket meta: 3.6 has it, 3.5 has not. False when it was right
    /// already.
    ///
    /// A log that holds a request newer than the target is refused, unless it is forced.
    package static func migrate(
        _ dataDirectory: String, to target: String, isForced: Bool
    ) throws(TransferError) -> Bool {
        let environment = try open(dataDirectory)
        let key = Array("storageVersion".utf8)
        let stored = try backend { () throws(BackendError) in
            try environment.read().value(.meta, key)
        }
        let current = stored.map { String(decoding: $0, as: UTF8.self).split(separator: ".").prefix(2) }
        let currentText = current.map { $0.joined(separator: ".") } ?? "3.5"
        if currentText == target { return false }
        if target == "3.5", !isForced, let index = try firstNewerEntry(dataDirectory + "/member/wal") {
            throw .newerEntry(index: index.rawValue, target: target)
        }
        do throws(BackendError) {
            var transaction = try environment.write()
            if target == "3.5" {
                try transaction.delete(.meta, key: key)
            } else {
                try transaction.put(.meta, key, Array((target + ".0").utf8))
            }
            try transaction.commit()
        } catch {
            throw .backend(error)
        }
        return true
    }

    private static func open(_ dataDirectory: String) throws(TransferError) -> Environment {
        let path = dataDirectory + "/member/snap/db"
        guard try StateSource.kind(of: path) == .database else { throw .notOurs(path: path) }
        return try backend { () throws(BackendError) in try Environment(path: path) }
    }

    /// The first entry with a request that 3.5 does not know: downgrade_version_test, field 9900.
    private static func firstNewerEntry(_ wal: String) throws(TransferError) -> LogIndex? {
        do throws(JournalError) {
            var reader = try LogReader(in: wal)
            while let record = try reader.next() {
                guard record.kind == .entry else { continue }
                let newer = reader.withData { bytes -> LogIndex? in
                    guard case .entry(let id, .normal, let data)? = try? LogContent(.entry, decoding: bytes),
                        hasNewerField(bytes.extracting(data))
                    else { return nil }
                    return id.index
                }
                if let newer { return newer }
            }
            return nil
        } catch .torn {
            return nil
        } catch {
            throw .journal(error)
        }
    }

    private static func hasNewerField(_ bytes: borrowing RawSpan) -> Bool {
        var cursor = WireCursor()
        while let field = try? cursor.next(in: bytes) {
            if field.number == 9900 { return true }
        }
        return false
    }
}
