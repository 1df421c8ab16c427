import Glibc

/// A directory for one workload's files, removed with this object; the files lie in it or one directory
/// below.
final class TemporaryDirectory {
    let path: String

    /// Why there is none.
    struct Failure: Error { let errno: Int32 }

    /// In memory where the system has a place for that (`/dev/shm`), or on a disk (`/tmp`).
    enum Medium { case memory, disk }

    init(on medium: Medium) throws(Failure) {
        let isInMemory = unsafe medium == .memory && access("/dev/shm", W_OK) == 0
        var template = Array("\(isInMemory ? "/dev/shm" : "/tmp")/workload-XXXXXX".utf8CString)
        // mkdtemp writes into the zero-terminated array and returns it.
        let made: String? = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, let made = unsafe mkdtemp(start) else { return nil }
            return unsafe String(cString: made)
        }
        guard let made else { throw Failure(errno: errno) }
        path = made
    }

    deinit { TemporaryDirectory.remove(path) }

    private static func remove(_ path: String) {
        if let directory = unsafe opendir(path) {
            while let entry = unsafe readdir(directory) {
                let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name == "." || name == ".." { continue }
                if unsafe unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
            }
            unsafe closedir(directory)
        }
        unsafe rmdir(path)
    }
}
