import Glibc
import Journal

/// The SHA-256 that `etcdctl snapshot save` leaves behind a database: 32 bytes, known by a file size that is
/// 32 more than a multiple of 512 (spec/etcdctl.md 4).
package enum SnapshotTrailer {
    package static let size: UInt64 = 32

    /// Whether a file of this many bytes has one.
    package static func isPresent(fileSize: UInt64) -> Bool { fileSize % 512 == size && fileSize > size }

    /// Throws unless the file has a trailer and it is right. `progress` gets the bytes read so far.
    package static func verify(_ path: String, progress: (UInt64) -> Void) throws(TransferError) {
        let disk = SystemDisk()
        var (stored, found) = ([UInt8](), [UInt8]())
        do throws(DiskError) {
            let file = try disk.open(path, .read)
            defer { disk.close(file) }
            let fileSize = try disk.size(file)
            if isPresent(fileSize: fileSize) {
                found = try digest(of: file, count: fileSize - size, disk: disk, progress)
                try disk.read(file, at: fileSize - size, count: Int(size), into: &stored)
            }
        } catch {
            throw .journal(.disk(error))
        }
        guard !found.isEmpty else { throw .hashMissing }
        guard stored == found else { throw .hashMismatch(expected: stored, found: found) }
    }

    /// SHA-256 of the first bytes of a file.
    static func digest(
        of file: OpenFile, count: UInt64, disk: SystemDisk, _ progress: (UInt64) -> Void
    ) throws(DiskError) -> [UInt8] {
        let digest = Digest()
        var (position, bytes) = (0 as UInt64, [UInt8]())
        while position < count {
            bytes.removeAll(keepingCapacity: true)
            try disk.read(file, at: position, count: Int(min(count - position, 1 << 20)), into: &bytes)
            guard !bytes.isEmpty else { throw DiskError(.read, path: file.path, errno: EIO) }
            unsafe digest.update(bytes.span.bytes)
            position += UInt64(bytes.count)
            progress(position)
        }
        return digest.finish()
    }
}
