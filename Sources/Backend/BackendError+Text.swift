import Glibc

extension BackendError: CustomStringConvertible {
    /// The sentence an operator reads.
    package var description: String {
        switch self {
        case .locked(let path):
            "database \(path) is locked: another process uses this data directory"
        case .corrupted(let path, let offset): "database \(path) is damaged at offset \(offset)"
        case .truncated(let path, let needed, let size):
            "database \(path) ends at offset \(size), but needs \(needed) bytes"
        case .system(let call, let path, let number): "\(call) \(path): \(text(of: number))"
        case .database(let call, EIO):
            "database: \(call): \(text(of: EIO)) (LMDB says so of a full disk, too: no space left on device?)"
        case .database(let call, let code) where code > 0: "database: \(call): \(text(of: code))"
        case .database(let call, let code): "database: \(call) failed with LMDB's code \(code)"
        case .full: "database: no space left on device"
        case .tooManyReaders: "database: all reader slots are taken"
        case .keyTooLong(let size): "database: a key of \(size) bytes is too long"
        }
    }
}

/// The system's sentence for an errno.
private func text(of number: Int32) -> String {
    // strerror's buffer is copied before any other call of this thread can reuse it.
    unsafe String(cString: strerror(number))
}
