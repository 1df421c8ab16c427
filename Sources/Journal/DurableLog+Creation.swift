import Raft

extension DurableLog {
    /// Whether `directory` holds a log: any `.wal` file.
    package static func exists(
        in directory: String, disk: any Disk = SystemDisk()
    ) throws(JournalError) -> Bool {
        try segmentNames(in: directory, disk: disk).isEmpty == false
    }

    /// Makes a new log in `directory`, which must not exist or be empty; its parent must exist.
    ///
    /// Everything is built in `<directory>.tmp`, which is then renamed: after a crash there is a whole log
    /// or none. A left-over `.tmp` directory is removed first.
    package static func create(
        in directory: String, metadata: LogMetadata, options: LogOptions = LogOptions(),
        disk: any Disk = SystemDisk()
    ) throws(JournalError) -> DurableLog {
        let directory = withoutTrailingSlashes(directory)
        guard try !exists(in: directory, disk: disk) else { throw .alreadyExists(directory: directory) }
        let temporary = directory + ".tmp"
        let name = SegmentName(sequence: 0, firstIndex: LogIndex(0))
        let file: OpenFile
        do throws(DiskError) {
            try removeFlatDirectory(temporary, disk: disk)
            try disk.createDirectory(temporary)
            // Named like any segment made ahead: it is no log's yet.
            file = try SegmentPreparation.prepare(
                disk: disk, path: joined(temporary, "0.tmp"), options: options, pause: {})
        } catch {
            try? removeFlatDirectory(temporary, disk: disk)  // the failure to report is the first
            throw .disk(error)
        }
        // From here on the log owns the file and closes it when anything throws.
        var log = DurableLog(
            directory: directory, metadata: metadata, disk: disk, options: options,
            segments: [HeldSegment(name: name, file: file)], buffer: RecordBuffer(checksum: 0),
            hardState: HardState(), lastIndex: LogIndex(0), snapshotted: LogIndex(0))
        do throws(JournalError) {
            try log.writeFirstHead()
            do throws(DiskError) {
                try disk.rename(file.path, to: joined(temporary, name.text))
                try disk.syncDirectory(temporary)
                try disk.rename(temporary, to: directory)
                try disk.syncDirectory(parent(of: directory))
            } catch {
                throw JournalError.disk(error)
            }
        } catch {
            try? removeFlatDirectory(temporary, disk: disk)  // the failure to report is the first
            throw error
        }
        log.segments[0].file.path = joined(directory, name.text)
        return log
    }

    private mutating func writeFirstHead() throws(JournalError) {
        buffer.beginSegment()
        appendMetadata()
        var snapshot: [UInt8] = []
        snapshot.append(SnapshotRecord(id: .zero, configuration: nil))
        unsafe buffer.append(.snapshot, data: snapshot.span.bytes)
        try writeBuffer(to: tail)
        try sync(tail)
        buffer.settle()
    }

    /// The segments of a directory in order; empty when there is no such directory.
    static func segmentNames(in directory: String, disk: any Disk) throws(JournalError) -> [SegmentName] {
        do throws(DiskError) {
            return (try disk.list(directory) ?? []).compactMap { SegmentName($0) }.sorted()
        } catch {
            throw .disk(error)
        }
    }
}

func withoutTrailingSlashes(_ path: String) -> String {
    var path = path
    while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
    return path
}

/// Removes a directory of files, if there is one.
private func removeFlatDirectory(_ path: String, disk: any Disk) throws(DiskError) {
    guard let names = try disk.list(path) else { return }
    for name in names { try disk.remove(joined(path, name)) }
    try disk.removeDirectory(path)
}
