import Glibc

/// A file in memory that holds the input of one run.
enum Scratch {
    static let directory: String = {
        let path = "/dev/shm/fuzz-\(getpid())"
        mkdir(path, 0o700)
        return path
    }()

    /// Makes `bytes` the content of the file of that name; answers its path.
    static func file(_ name: String, _ bytes: UnsafeRawBufferPointer) -> String {
        let path = directory + "/" + name
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        precondition(descriptor >= 0)
        let written = bytes.count == 0 ? 0 : write(descriptor, bytes.baseAddress, bytes.count)
        precondition(written == bytes.count)
        close(descriptor)
        return path
    }
}
