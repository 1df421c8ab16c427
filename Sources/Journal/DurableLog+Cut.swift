import Raft

extension DurableLog {
    var tail: OpenFile { segments[segments.count - 1].file }

    func writeBuffer(to file: OpenFile, at offset: UInt64) throws(JournalError) {
        do throws(DiskError) {
            try buffer.withBytes { bytes throws(DiskError) in try disk.write(file, at: offset, bytes) }
        } catch {
            throw .disk(error)
        }
    }

    func sync(_ file: OpenFile) throws(JournalError) {
        if options.unsafeNoFsync { return }
        do throws(DiskError) { try disk.sync(file) } catch { throw .disk(error) }
    }

    /// Ends the last segment at `offset` and begins the next one.
    ///
    /// The new segment gets its name only when its head is on disk, and the old one is truncated before, so
    /// a crash leaves either a last segment that ends cleanly or a next one that begins soundly.
    mutating func cut() throws(JournalError) {
        do throws(DiskError) { try disk.truncate(tail, size: offset) } catch { throw .disk(error) }
        try sync(tail)
        var file = try nextSegment()
        do throws(JournalError) {
            buffer.removeAll()
            buffer.appendChecksum()
            appendMetadata()
            if hardState != HardState() { buffer.append(hardState) }
            try writeBuffer(to: file, at: 0)
            try sync(file)
            let name = SegmentName(
                sequence: segments[segments.count - 1].name.sequence + 1, firstIndex: lastIndex + 1)
            let path = joined(directory, name.text)
            do throws(DiskError) {
                try disk.rename(file.path, to: path)
                try disk.syncDirectory(directory)
            } catch {
                throw JournalError.disk(error)
            }
            file.path = path
            segments.append(HeldSegment(name: name, file: file))
            offset = UInt64(buffer.count)
        } catch {
            disk.close(file)
            throw error
        }
    }

    mutating func appendMetadata() {
        var data: [UInt8] = []
        data.append(metadata)
        unsafe buffer.append(.metadata, data: data.span.bytes)
    }

    /// Starts preparing the next segment once this one is a quarter full.
    mutating func prepareNext() {
        guard case .background = options.preparation, preparation == nil,
            offset >= options.segmentSize / Limits.prepareAtOneIn
        else { return }
        preparation = SegmentPreparation(disk: disk, path: preparedPath, size: options.segmentSize)
    }

    private mutating func nextSegment() throws(JournalError) -> OpenFile {
        do throws(DiskError) {
            guard let preparation = preparation.take() else {
                return try SegmentPreparation.prepare(
                    disk: disk, path: preparedPath, size: options.segmentSize, pause: {})
            }
            return try preparation.finish()
        } catch {
            throw .disk(error)
        }
    }

    /// `0.tmp` and `1.tmp` in turn, as etcd names them.
    private var preparedPath: String {
        joined(directory, "\((segments[segments.count - 1].name.sequence + 1) % 2).tmp")
    }
}
