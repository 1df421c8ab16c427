import Raft
import Wire

/// Reads a `.snap` file (`SnapshotFormat`) record by record, in constant memory.
///
/// Opening checks both ends: header, footer, and that the file is as long as the footer says. `verify` reads
/// everything and must pass before any record is believed; reading checks the same again as it goes.
package struct SnapshotReader: ~Copyable {
    package let path: String
    package let metadata: SnapshotMetadata
    /// The bucket of the present record.
    package private(set) var bucket = ""
    private let disk: any Disk
    private let file: OpenFile
    private let footer: SnapshotFooter
    private let header: [UInt8]
    /// Where the next block lies in the file.
    private var offset: UInt64 = 0
    private var seen = SnapshotFooter()
    private var stored: [UInt8] = []
    private var block: [UInt8] = []
    /// Where the next item lies in the block, and the present record's parts.
    private var position = 0
    private var key = 0..<0
    private var value = 0..<0
    private let decompressor = Decompressor()
    private let digest = Digest()

    /// Opens a complete file. Throws `.etcdSnapshot` for etcd's own kind, `.snapshotCorrupt` for others.
    package init(path: String, disk: any Disk = SystemDisk()) throws(JournalError) {
        let ends = try SnapshotEnds(path: path, disk: disk)
        self.path = path
        self.disk = disk
        file = ends.file
        metadata = ends.metadata
        footer = ends.footer
        header = ends.header
        rewind()
    }

    deinit { disk.close(file) }

    package var summary: SnapshotSummary { SnapshotSummary(path: path, metadata: metadata, footer: footer) }

    /// Reads the whole file, and leaves the reader before the first record.
    package mutating func verify() throws(JournalError) {
        rewind()
        while try next() {}
        rewind()
    }

    /// Moves to the next record; false at the end, where counts and digest were found right.
    package mutating func next() throws(JournalError) -> Bool {
        while true {
            if position == block.count {
                guard try nextBlock() else { return false }
            }
            let kind = block[position]
            position += 1
            let length = try varint()
            switch kind {
            case SnapshotFormat.Item.bucket:
                bucket = String(decoding: block[try take(length)], as: UTF8.self)
            case SnapshotFormat.Item.record where !bucket.isEmpty:
                let valueLength = try varint()
                key = try take(length)
                value = try take(valueLength)
                seen.recordCount += 1
                return true
            default: throw corrupt(.encoding)
            }
        }
    }

    /// The present record; the spans end with the call.
    package func withRecord<R, E: Error>(
        _ body: (_ key: borrowing RawSpan, _ value: borrowing RawSpan) throws(E) -> R
    ) throws(E) -> R {
        try unsafe body(block.span.bytes.extracting(key), block.span.bytes.extracting(value))
    }

    private mutating func rewind() {
        offset = UInt64(header.count)
        seen = SnapshotFooter()
        block.removeAll(keepingCapacity: true)
        position = 0
        bucket = ""
        _ = digest.finish()
        unsafe digest.update(header.span.bytes)
    }

    private mutating func nextBlock() throws(JournalError) -> Bool {
        guard seen.digest.isEmpty else { return false }  // the end was seen before
        block.removeAll(keepingCapacity: true)
        position = 0
        let rest = footer.fileSize - UInt64(SnapshotFormat.footerSize) - offset
        guard rest > 0 else {
            try checkTotals()
            return false
        }
        guard rest > UInt64(SnapshotFormat.blockHeaderSize) else { throw corrupt(.length) }
        try load(SnapshotFormat.blockHeaderSize, at: offset)
        let rawSize = Int(unsafe stored.span.bytes.littleEndianHalf(at: 0))
        let storedSize = Int(unsafe stored.span.bytes.littleEndianHalf(at: 4))
        let checksum = unsafe stored.span.bytes.littleEndianHalf(at: 8)
        guard rawSize > 0, storedSize > 0, storedSize <= rawSize,
            UInt64(storedSize) <= rest - UInt64(SnapshotFormat.blockHeaderSize),
            rawSize / Limits.inflateRatioMax <= storedSize
        else { throw corrupt(.length) }
        let lengths = unsafe crc32c(0, stored.span.bytes.extracting(first: 8))
        try load(storedSize, at: offset + UInt64(SnapshotFormat.blockHeaderSize))
        let computed = unsafe crc32c(lengths, stored.span.bytes)
        guard computed == checksum else { throw corrupt(.checksum(stored: checksum, computed: computed)) }
        if storedSize == rawSize {
            swap(&block, &stored)
        } else {
            var raw: [UInt8] = []
            swap(&raw, &block)
            guard unsafe decompressor.decompress(stored.span.bytes, size: rawSize, into: &raw) else {
                throw corrupt(.encoding)
            }
            block = raw
        }
        unsafe digest.update(block.span.bytes)
        bucket = ""
        seen.blockCount += 1
        seen.rawSize += UInt64(rawSize)
        offset += UInt64(SnapshotFormat.blockHeaderSize + storedSize)
        return true
    }

    private mutating func checkTotals() throws(JournalError) {
        guard seen.recordCount == footer.recordCount, seen.blockCount == footer.blockCount,
            seen.rawSize == footer.rawSize
        else { throw corrupt(.counts) }
        seen.digest = digest.finish()
        guard seen.digest == footer.digest else { throw corrupt(.digest) }
    }

    /// Fills `stored` with `count` bytes of the file.
    private mutating func load(_ count: Int, at position: UInt64) throws(JournalError) {
        stored.removeAll(keepingCapacity: true)
        do throws(DiskError) {
            try disk.read(file, at: position, count: count, into: &stored)
        } catch {
            throw .disk(error)
        }
        guard stored.count == count else { throw corrupt(.length) }
    }

    private mutating func take(_ count: Int) throws(JournalError) -> Range<Int> {
        guard count <= block.count - position else { throw corrupt(.encoding) }
        position += count
        return (position - count)..<position
    }

    private mutating func varint() throws(JournalError) -> Int {
        var value = 0, shift = 0
        while position < block.count, shift < 56 {
            let byte = block[position]
            position += 1
            value |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw corrupt(.encoding)
    }

    private func corrupt(_ fault: SnapshotFault) -> JournalError {
        .snapshotCorrupt(path: path, offset: offset, fault)
    }
}
