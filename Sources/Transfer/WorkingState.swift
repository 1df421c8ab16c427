import Backend
import Glibc

/// A state that is complete: a file as it is, or of a data directory the database with everything its log has
/// committed.
package final class WorkingState {
    package let source: StateSource
    /// Entries that were applied to get there.
    package let caughtUp: Int
    private let temporary: TemporaryDirectory?

    private init(_ source: StateSource, caughtUp: Int = 0, temporary: TemporaryDirectory? = nil) {
        self.source = source
        self.caughtUp = caughtUp
        self.temporary = temporary
    }

    /// `path`: a file, or a data directory of this server or of a real etcd, which is left as it is. Of a
    /// directory a copy is made inside `scratch` when its log goes on behind its database.
    package static func open(
        _ path: String, wal: String?, scratch: String, progress: (UInt64) -> Void = { _ in }
    ) throws(TransferError) -> WorkingState {
        guard isDirectory(path) else { return WorkingState(try StateSource(path: path)) }
        let source = try StateSource(path: path + "/member/snap/db")
        let log = wal ?? path + "/member/wal"
        guard isDirectory(log) else { return WorkingState(source) }
        let temporary = try TemporaryDirectory(in: scratch)
        try DatabaseLoad.run(source, to: temporary.database, progress: progress)
        let environment = try backend { () throws(BackendError) in try Environment(path: temporary.database) }
        let count = try LogCatchUp.run(environment, wal: log)
        return WorkingState(StateSource(environment), caughtUp: count, temporary: temporary)
    }
}

func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
