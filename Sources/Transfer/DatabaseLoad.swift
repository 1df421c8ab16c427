import Backend
import Glibc
import MVCC

/// Makes a database of this server from any state: the common middle of restore, hashes and repairs.
enum DatabaseLoad {
    /// Fills a fresh database file at `path` with everything `source` holds.
    ///
    /// Keys of bucket `key` take the stored form. Records without a key, which `--bump-revision` of etcd
    /// leaves at the new revision, stay behind: the compaction revisions in bucket meta say the same.
    static func run(
        _ source: StateSource, to path: String, progress: (UInt64) -> Void
    ) throws(TransferError) {
        var load = try backend { () throws(BackendError) in try BulkLoad(replacing: path) }
        var (failure, done) = (nil as TransferError?, 0 as UInt64)
        try source.forEach { bucket, key, value in
            done += UInt64(key.byteCount + value.byteCount)
            progress(done)
            do throws(TransferError) {
                try add(bucket, key, value, to: &load, path: source.path)
            } catch {
                failure = error
            }
            return failure == nil
        }
        if let failure { throw failure }
        do throws(BackendError) { try load.finish() } catch { throw .backend(error) }
    }

    private static func add(
        _ bucket: Bucket, _ key: borrowing RawSpan, _ value: borrowing RawSpan, to load: inout BulkLoad,
        path: String
    ) throws(TransferError) {
        var stored = copy(of: key)
        if bucket == .key {
            guard let revision = EtcdRevisionKey(etcd: key) else {
                throw .badRevisionKey(path: path, key: stored)
            }
            if value.byteCount == 0, !revision.isTombstone { return }
            stored = revision.storedBytes
        }
        do throws(BackendError) {
            try load.add(bucket, key: stored, value: copy(of: value))
        } catch {
            throw .backend(error)
        }
    }
}

/// A directory for intermediate files, gone with the value.
final class TemporaryDirectory {
    let path: String

    /// Made inside `parent`, where the space is.
    init(in parent: String) throws(TransferError) {
        var template = Array((parent + "/.transfer-XXXXXX").utf8CString)
        // mkdtemp writes into the zero-terminated array and returns it.
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) }
        }
        guard let made else { throw .system(call: "mkdtemp", path: parent, errno: errno) }
        path = made
    }

    var database: String { path + "/db" }

    deinit {
        for suffix in ["", "-lock", ".lock"] { unsafe unlink(database + suffix) }
        unsafe rmdir(path)
    }
}
