import Glibc

/// The exclusive claim on one database file: `flock` on `<path>.lock`.
///
/// LMDB itself lets several processes share a file; two etcd members on one directory would each apply
/// their own log to it. The kernel drops the claim with the process, so a crash leaves none behind.
package final class ProcessLock: Sendable {
    private let descriptor: Int32

    /// Throws `locked` at once when another holder exists.
    package init(database path: String) throws(BackendError) {
        let file = path + ".lock"
        let descriptor = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", path: file, errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            if code == EWOULDBLOCK { throw .locked(path: path) }
            throw .system(call: "flock", path: file, errno: code)
        }
        self.descriptor = descriptor
    }

    /// Whether somebody holds the claim now. Makes no file and takes no lasting lock.
    static func isHeld(database path: String) throws(BackendError) -> Bool {
        let file = path + ".lock"
        let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == EACCES { return false }
            throw .system(call: "open", path: file, errno: errno)
        }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
        flock(descriptor, LOCK_UN)
        return false
    }

    deinit {
        // A child between fork and exec holds the descriptor too, and would keep the claim alive.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
