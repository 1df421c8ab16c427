import Raft

extension DurableLog {
    var tail: OpenFile { segments[segments.count - 1].file }

    mutating func writeBuffer(to file: OpenFile) throws(JournalError) {
        do throws(DiskError) {
            try buffer.withBlocks { [disk] offset, blocks throws(DiskError) in
                try disk.write(file, at: offset, blocks)
            }
        } catch {
            throw .disk(error)
        }
        bytesWritten += UInt64(buffer.newsSize)
    }

    func sync(_ file: OpenFile) throws(JournalError) {
        if options.unsafeNoFsync { return }
        do throws(DiskError) { try disk.sync(file) } catch { throw .disk(error) }
    }

    /// Ends the last segment, which the buffer has been written to, and begins the next one.
    ///
    /// The new segment gets its name only when its head is on disk, and the old one is truncated before, so
    /// a crash leaves either a last segment that ends cleanly or a next one that begins soundly.
    mutating func cut() throws(JournalError) {
        do throws(DiskError) { try disk.truncate(tail, size: buffer.end) } catch { throw .disk(error) }
        try sync(tail)
        var file = try nextSegment()
        do throws(JournalError) {
            buffer.beginSegment()
            appendMetadata()
            if hardState != HardState() { buffer.append(hardState) }
            try writeBuffer(to: file)
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
            buffer.end >= options.segmentSize / Limits.prepareAtOneIn
        else { return }
        preparation = SegmentPreparation(disk: disk, path: preparedPath, options: options)
    }

    private mutating func nextSegment() throws(JournalError) -> OpenFile {
        do throws(DiskError) {
            guard let preparation = preparation.take() else {
                return try SegmentPreparation.prepare(
                    disk: disk, path: preparedPath, options: options, pause: {})
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
