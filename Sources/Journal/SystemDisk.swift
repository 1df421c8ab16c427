import CPlatform
import Glibc

/// The operating system's files.
package final class SystemDisk: Disk {
    package init() {}

    package func open(_ path: String, _ access: FileAccess) throws(DiskError) -> OpenFile {
        let result: Int32
        switch access {
        case .read: result = unsafe platform_open(path, O_RDONLY, 0)
        case .readWrite: result = unsafe platform_open(path, O_RDWR, 0)
        case .create(let permissions):
            result = unsafe platform_open(path, O_RDWR | O_CREAT | O_TRUNC, permissions)
        }
        guard result >= 0 else { throw DiskError(.open, path: path, errno: -result) }
        return OpenFile(descriptor: result, path: path)
    }

    package func close(_ file: OpenFile) {
        platform_unlock(file.descriptor)
        _ = Glibc.close(file.descriptor)
    }

    package func size(_ file: OpenFile) throws(DiskError) -> UInt64 {
        var status = stat()
        guard unsafe fstat(file.descriptor, &status) == 0 else {
            throw DiskError(.size, path: file.path, errno: errno)
        }
        return UInt64(status.st_size)
    }

    package func read(
        _ file: OpenFile, at offset: UInt64, count: Int, into buffer: inout [UInt8]
    ) throws(DiskError) {
        var failure: Int32 = 0
        buffer.append(addingCapacity: count) { output in
            // pread fills at most count - done bytes behind the ones it filled before.
            unsafe output.withUnsafeMutableBufferPointer { bytes, done in
                guard let base = bytes.baseAddress else { return }
                while done < count {
                    let got = unsafe pread(
                        file.descriptor, base + done, count - done, off_t(offset) + off_t(done))
                    if got == 0 { return }
                    if got > 0 {
                        done += got
                    } else if errno != EINTR {
                        failure = errno
                        return
                    }
                }
            }
        }
        guard failure == 0 else { throw DiskError(.read, path: file.path, errno: failure) }
    }

    package func bypassCache(_ file: OpenFile) { _ = platform_bypass_cache(file.descriptor, true) }

    package func write(
        _ file: OpenFile, at offset: UInt64, _ bytes: borrowing RawSpan
    ) throws(DiskError) {
        let count = bytes.byteCount
        // The pointer stays inside the closure, and done never passes count.
        let failure = unsafe bytes.withUnsafeBytes { buffer -> Int32 in
            guard let base = buffer.baseAddress else { return 0 }
            var done = 0
            while done < count {
                let put = unsafe pwrite(
                    file.descriptor, base + done, count - done, off_t(offset) + off_t(done))
                if put > 0 {
                    done += put
                    continue
                }
                let failure = put == 0 ? EIO : errno
                if failure == EINTR { continue }
                // A file system that wants larger blocks, or took the flag and cannot: through the cache.
                if failure == EINVAL, platform_bypass_cache(file.descriptor, false) == 0 { continue }
                return failure
            }
            return 0
        }
        guard failure == 0 else { throw DiskError(.write, path: file.path, errno: failure) }
    }

    package func allocate(_ file: OpenFile, size: UInt64) throws(DiskError) {
        let failure = platform_allocate(file.descriptor, size)
        // A file system without fallocate: writing the zeros reserves the blocks as well.
        guard failure != 0, failure != EOPNOTSUPP, failure != ENOSYS else { return }
        throw DiskError(.allocate, path: file.path, errno: failure)
    }

    package func truncate(_ file: OpenFile, size: UInt64) throws(DiskError) {
        while ftruncate(file.descriptor, off_t(size)) != 0 {
            guard errno == EINTR else { throw DiskError(.truncate, path: file.path, errno: errno) }
        }
    }

    package func sync(_ file: OpenFile) throws(DiskError) {
        guard fdatasync(file.descriptor) == 0 else {
            throw DiskError(.sync, path: file.path, errno: errno)
        }
    }

    package func startWriteback(_ file: OpenFile, offset: UInt64, size: UInt64) {
        _ = platform_start_writeback(file.descriptor, offset, size)
    }

    package func lock(_ file: OpenFile) throws(DiskError) -> Bool {
        switch platform_lock_exclusively(file.descriptor) {
        case 0: return true
        case EWOULDBLOCK: return false
        case let failure: throw DiskError(.lock, path: file.path, errno: failure)
        }
    }

    package func list(_ directory: String) throws(DiskError) -> [String]? {
        guard let stream = unsafe opendir(directory) else {
            if errno == ENOENT { return nil }
            throw DiskError(.list, path: directory, errno: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // d_name is a zero-terminated array inside the entry, valid until the next readdir.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package func createDirectory(_ path: String) throws(DiskError) {
        guard unsafe mkdir(path, 0o700) == 0 else {
            throw DiskError(.createDirectory, path: path, errno: errno)
        }
    }

    package func rename(_ from: String, to: String) throws(DiskError) {
        guard unsafe Glibc.rename(from, to) == 0 else {
            throw DiskError(.rename, path: from, errno: errno)
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        guard unsafe unlink(path) == 0 else { throw DiskError(.remove, path: path, errno: errno) }
    }

    package func removeDirectory(_ path: String) throws(DiskError) {
        guard unsafe rmdir(path) == 0 else {
            throw DiskError(.removeDirectory, path: path, errno: errno)
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        let descriptor = unsafe platform_open(path, O_RDONLY | O_DIRECTORY, 0)
        guard descriptor >= 0 else {
            throw DiskError(.syncDirectory, path: path, errno: -descriptor)
        }
        defer { _ = Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw DiskError(.syncDirectory, path: path, errno: errno)
        }
    }
}
