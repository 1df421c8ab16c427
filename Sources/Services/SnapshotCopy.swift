import Glibc

/// Owner of a finished copy of the database, read in pieces by the snapshot stream.
///
/// The file is complete before it is handed over and nobody writes it afterwards; it is unlinked, so the
/// space goes when this object does. Reads are of a file just written: they come from the page cache.
package final class SnapshotCopy: Sendable {
    /// An open descriptor; this object closes it.
    private let descriptor: Int32
    /// Length of the file in bytes.
    package let size: UInt64

    /// Takes over `descriptor`.
    package init(descriptor: Int32, size: UInt64) {
        self.descriptor = descriptor
        self.size = size
    }

    deinit { _ = close(descriptor) }

    /// Up to `count` bytes at `offset`; shorter only at the end of the file, nil when the disk fails.
    func read(at offset: UInt64, count: Int) -> [UInt8]? {
        let wanted = Int(min(UInt64(count), size - min(offset, size)))
        var failed = false
        // Unsafe: the pointer stays inside the buffer, because `initialized < wanted`, its capacity.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
            while initialized < wanted {
                let result = unsafe pread(
                    descriptor, buffer.baseAddress.map { unsafe $0 + initialized }, wanted - initialized,
                    off_t(offset) + off_t(initialized))
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { failed = true; return }
                initialized += result
            }
        }
        return failed ? nil : bytes
    }
}
