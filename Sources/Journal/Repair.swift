import Glibc
import Raft

extension DurableLog {
    /// Copies the file to `<path>.broken` and truncates it at `offset`, both synced.
    static func cutTorn(path: String, offset: UInt64, disk: any Disk) throws(JournalError) -> LogRepair {
        let copyPath = path + ".broken"
        do throws(DiskError) {
            let file = try disk.open(path, .readWrite)
            defer { disk.close(file) }
            guard try disk.lock(file) else { throw DiskError(.lock, path: path, errno: EWOULDBLOCK) }
            let copy = try disk.open(copyPath, .create(permissions: 0o600))
            defer { disk.close(copy) }
            let size = try disk.size(file)
            var position: UInt64 = 0
            var bytes: [UInt8] = []
            while position < size {
                bytes.removeAll(keepingCapacity: true)
                let count = Int(min(size - position, UInt64(Limits.readChunkSize)))
                try disk.read(file, at: position, count: count, into: &bytes)
                try unsafe disk.write(copy, at: position, bytes.span.bytes)
                position += UInt64(count)
            }
            try disk.sync(copy)
            try disk.syncDirectory(parent(of: path))
            try disk.truncate(file, size: offset)
            try disk.sync(file)
        } catch {
            throw .disk(error)
        }
        return LogRepair(path: path, offset: offset, copyPath: copyPath)
    }

    /// Makes everything after `offset` zero, up to the nominal size or the end of the file, and all that was
    /// read durable: a process that was killed may have left records in the page cache that no sync has
    /// seen, and what is recovered counts as persisted.
    ///
    /// What a torn write left there could otherwise be taken for records: 1. a crash loses the first sector
    /// of a batch and keeps the second; 2. recovery ends the log before the hole; 3. new records fill the
    /// hole; 4. the next recovery reads on into the old sector and finds a wrong checksum.
    static func makeAppendable(
        _ file: OpenFile, from offset: UInt64, options: LogOptions, disk: any Disk
    ) throws(JournalError) {
        do throws(DiskError) {
            let size = try disk.size(file)
            var position = offset
            var bytes: [UInt8] = []
            while position < size {
                bytes.removeAll(keepingCapacity: true)
                let count = min(size - position, UInt64(Limits.readChunkSize))
                try disk.read(file, at: position, count: Int(count), into: &bytes)
                if unsafe !bytes.span.bytes.isZero {
                    try SegmentPreparation.zero(disk: disk, file: file, from: position, to: position + count)
                }
                position += count
            }
            if size < options.segmentSize {
                try disk.allocate(file, size: options.segmentSize)
                try SegmentPreparation.zero(disk: disk, file: file, from: size, to: options.segmentSize)
            }
            guard !options.unsafeNoFsync else { return }
            try disk.sync(file)
            try disk.syncDirectory(parent(of: file.path))
            try disk.syncDirectory(parent(of: parent(of: file.path)))
        } catch {
            throw .disk(error)
        }
    }

    /// Removes segments that were prepared and never used. Called with the log's locks held, so that they
    /// are nobody else's.
    static func removeLeftOvers(in directory: String, disk: any Disk) throws(JournalError) {
        do throws(DiskError) {
            for name in try disk.list(directory) ?? [] where name.hasSuffix(".tmp") {
                try disk.remove(joined(directory, name))
            }
        } catch {
            throw .disk(error)
        }
    }
}
