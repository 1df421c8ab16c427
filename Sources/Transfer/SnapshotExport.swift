import Bolt
import Glibc
import Journal

/// Writes a state as the snapshot file of `etcdctl snapshot save`: bbolt, and behind it the SHA-256.
package enum SnapshotExport {
    /// Writes `<path>.part`, syncs it and renames it to `path`. `progress` gets the bytes written and hashed.
    package static func run(
        _ source: StateSource, to path: String, progress: (UInt64) -> Void = { _ in }
    ) throws(TransferError) -> UInt64 {
        let (disk, part) = (SystemDisk(), path + ".part")
        let file: OpenFile
        do throws(DiskError) {
            file = try disk.open(part, .create(permissions: 0o600))
        } catch {
            throw .journal(.disk(error))
        }
        defer { disk.close(file) }
        do throws(TransferError) {
            let size = try write(source, to: file, progress)
            do throws(DiskError) {
                let digest = try SnapshotTrailer.digest(of: file, count: size, disk: disk) {
                    progress(size + $0)
                }
                try unsafe disk.write(file, at: size, digest.span.bytes)
                try disk.sync(file)
                try disk.rename(part, to: path)
                try disk.syncDirectory(parentDirectory(of: path))
            } catch {
                throw TransferError.journal(.disk(error))
            }
            return size + SnapshotTrailer.size
        } catch {
            unsafe unlink(part)
            throw error
        }
    }

    private static func write(
        _ source: StateSource, to file: OpenFile, _ progress: (UInt64) -> Void
    ) throws(TransferError) -> UInt64 {
        var export = BoltExport(descriptor: file.descriptor, path: file.path)
        var failure: BoltError?
        try source.forEach { bucket, key, value in
            do throws(BoltError) { try export.add(bucket, key: key, value: value) } catch { failure = error }
            progress(export.size)
            return failure == nil
        }
        if let failure { throw .bolt(failure) }
        do throws(BoltError) { return try export.finish() } catch { throw .bolt(error) }
    }
}

/// The directory a path is in.
func parentDirectory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
