import Glibc

/// Why a member cannot start; `description` is the sentence for the log.
struct BootError: Error, Equatable, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// The folders of one member (spec/config.md 7).
///
///     <data-dir>/member/snap/db            database
///     <data-dir>/member/snap/*.snap        snapshots
///     <data-dir>/member/wal/*.wal          log, unless --wal-dir says otherwise
struct DataDirectory: Equatable, Sendable {
    let root: String
    let wal: String

    init(root: String, wal: String) {
        self.root = root
        self.wal = wal.isEmpty ? root + "/member/wal" : wal
    }

    var member: String { root + "/member" }
    var snapshots: String { member + "/snap" }
    var database: String { snapshots + "/db" }

    /// Makes what is missing (0700) and proves that files can be made in it.
    func prepare() throws(BootError) {
        for path in [root, member, snapshots, parent(of: wal)] { try makeDirectory(path) }
        for path in [root, member, snapshots, parent(of: wal)] { try probe(path) }
    }

    private func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    private func makeDirectory(_ path: String) throws(BootError) {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw BootError("cannot use data directory: \(path) is not a directory")
            }
            return
        }
        if errno == ENOENT {
            let above = parent(of: path)
            if above != path { try makeDirectory(above) }
            if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        }
        throw BootError("cannot access data directory: mkdir \(path): \(text(of: errno))")
    }

    private func probe(_ path: String) throws(BootError) {
        let file = path + "/.touch"
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw BootError("cannot write to data directory: open \(file): \(text(of: errno))")
        }
        close(descriptor)
        unsafe unlink(file)
    }
}

/// The system's sentence for an errno.
func text(of number: Int32) -> String {
    // strerror's buffer is copied before any other call of this thread can reuse it.
    unsafe String(cString: strerror(number))
}
