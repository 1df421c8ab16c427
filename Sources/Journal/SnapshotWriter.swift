import Raft
import Wire

/// Writes one `.snap` file (`SnapshotFormat`), record by record.
///
/// The caller brings the records in the order they shall be read, keeps its LMDB snapshot open meanwhile,
/// and paces the work with a `Throttle`. One thread owns it; memory is one block and its compressed form.
/// A writer that is not finished removes its file.
package struct SnapshotWriter: ~Copyable {
    package let metadata: SnapshotMetadata
    private let disk: any Disk
    private let directory: String
    private let path: String
    /// Nil once finished.
    private var file: OpenFile?
    private var footer = SnapshotFooter()
    private var written: UInt64 = 0
    private var writebackFrom: UInt64 = 0
    private var block: [UInt8] = []
    private var output: [UInt8] = []
    /// The bucket of the block's last item; nil in an empty block.
    private var bucket: String?
    /// Blocks still to be stored untried, after one that did not shrink.
    private var untried = 0
    private let compressor = Compressor()
    private let digest = Digest()

    /// Begins the file of `metadata` in `directory`, under a temporary name.
    package init(
        in directory: SnapshotDirectory, metadata: SnapshotMetadata
    ) throws(JournalError) {
        self.metadata = metadata
        disk = directory.disk
        self.directory = directory.path
        path = directory.path(of: metadata.id)
        let temporary = directory.temporaryPath(of: metadata.id)
        do throws(DiskError) {
            file = try disk.open(temporary, .create(permissions: 0o600))
        } catch {
            throw .disk(error)
        }
        output = SnapshotFormat.header(metadata)
        unsafe digest.update(output.span.bytes)
        try writeOutput()
    }

    deinit {
        guard let file else { return }
        disk.close(file)
        try? disk.remove(file.path)  // removed at the next start if not now
    }

    /// Adds a record. True when a block was compressed and written: the moment to pause.
    @discardableResult
    package mutating func append(
        bucket: String, key: borrowing RawSpan, value: borrowing RawSpan
    ) throws(JournalError) -> Bool {
        precondition(file != nil)
        if self.bucket != bucket {
            let name = Array(bucket.utf8)
            block.append(SnapshotFormat.Item.bucket)
            block.appendVarint(UInt64(name.count))
            block += name
            self.bucket = bucket
        }
        block.append(SnapshotFormat.Item.record)
        block.appendVarint(UInt64(key.byteCount))
        block.appendVarint(UInt64(value.byteCount))
        block.appendSpan(key)
        block.appendSpan(value)
        footer.recordCount += 1
        guard block.count >= Limits.snapshotBlockSize else { return false }
        try writeBlock()
        return true
    }

    /// Completes the file: returns when it is on disk under its own name.
    package consuming func finish() throws(JournalError) -> SnapshotSummary {
        if !block.isEmpty { try writeBlock() }
        footer.digest = digest.finish()
        footer.fileSize = written + UInt64(SnapshotFormat.footerSize)
        output = footer.bytes
        try writeOutput()
        guard let file else { preconditionFailure("a writer is finished once") }
        do throws(DiskError) {
            try disk.sync(file)
            try disk.rename(file.path, to: path)
            self.file = nil
            disk.close(file)
            try disk.syncDirectory(directory)
        } catch {
            throw .disk(error)
        }
        return SnapshotSummary(path: path, metadata: metadata, footer: footer)
    }

    private mutating func writeBlock() throws(JournalError) {
        unsafe digest.update(block.span.bytes)
        var output = output
        self.output = []  // so that there is one copy, and it keeps its capacity
        output.appendLittleEndian(UInt32(block.count))
        output.appendLittleEndian(0 as UInt32)
        output.appendLittleEndian(0 as UInt32)
        // It must shrink by 1/16: for less, storing is the better bargain when it is read.
        if untried > 0 {
            untried -= 1
            output += block
        } else if unsafe !compressor.compress(
            block.span.bytes, limit: block.count - block.count / 16 - 1, into: &output)
        {
            untried = Limits.snapshotBlocksStoredUntried
            output += block
        }
        let storedSize = UInt32(output.count - SnapshotFormat.blockHeaderSize)
        output.replaceLittleEndian(at: 4, storedSize)
        let checksum = unsafe crc32c(
            crc32c(0, output.span.bytes.extracting(first: 8)),
            output.span.bytes.extracting(droppingFirst: SnapshotFormat.blockHeaderSize))
        output.replaceLittleEndian(at: 8, checksum)
        footer.blockCount += 1
        footer.rawSize += UInt64(block.count)
        self.output = output
        output = []
        try writeOutput()
        block.removeAll(keepingCapacity: true)
        bucket = nil
    }

    private mutating func writeOutput() throws(JournalError) {
        guard let file else { preconditionFailure("a finished writer writes nothing") }
        do throws(DiskError) {
            try unsafe disk.write(file, at: written, output.span.bytes)
        } catch {
            throw .disk(error)
        }
        written += UInt64(output.count)
        output.removeAll(keepingCapacity: true)
        if written - writebackFrom >= Limits.snapshotWritebackSize {
            disk.startWriteback(file, offset: writebackFrom, size: written - writebackFrom)
            writebackFrom = written
        }
    }
}

extension [UInt8] {
    fileprivate mutating func replaceLittleEndian(at position: Int, _ value: UInt32) {
        for byte in 0..<4 { self[position + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)) }
    }
}
