import Glibc
import Raft

/// Reads the records of one segment in order, checks each, and tells a crash from damage.
///
/// The end of a segment is the end of the file or a length word of zero. A crash can leave, after the last
/// synced byte, any mixture of written and unwritten 512-byte sectors (contract of `Disk`); unwritten ones
/// are zero, because segments are zeroed ahead. So, in the last segment only:
///
/// 1. The record reaches beyond the end of the file: torn.
/// 2. Its bytes or checksum are wrong and one of its sectors is all zero: torn (etcd's rule).
/// 3. Anything wrong inside the sector that holds a nonzero length word is damage: that sector was written
///    whole. The same for a zero length word followed by other bytes in its sector.
///
/// Everything else is damage and is named by file and offset.
/// Source: spec/wal-snap.md 3; rule 3 is ours and makes flipped lengths damage, where etcd would cut the log.
struct SegmentReader {
    let disk: any Disk
    let file: OpenFile
    let isLast: Bool
    let size: UInt64
    /// Where the next record begins: the end of the last sound one.
    private(set) var offset: UInt64
    /// Running checksum after the last record.
    private(set) var checksum: UInt32
    private var buffer: [UInt8] = []
    /// The file offset of the buffer's first byte.
    private var bufferOffset: UInt64

    /// Reads from `offset` on, where a record begins and `checksum` is the running value; 0 for the head.
    init(
        disk: any Disk, file: OpenFile, isLast: Bool, checksum: UInt32, from offset: UInt64 = 0
    ) throws(JournalError) {
        self.disk = disk
        self.file = file
        self.isLast = isLast
        self.checksum = checksum
        self.offset = offset
        bufferOffset = offset
        size = try onDisk { () throws(DiskError) in try disk.size(file) }
    }

    /// The data of the record returned last.
    func withData<R, E: Error>(
        of record: Record, _ body: (borrowing RawSpan) throws(E) -> R
    ) throws(E) -> R {
        try unsafe body(buffer.span.bytes.extracting(record.data))
    }

    /// Where the data of the record returned last begins in the file.
    func dataOffset(of record: Record) -> UInt64 { bufferOffset + UInt64(record.data.lowerBound) }

    /// Moves behind the record that `next` found damaged, when its length can be believed, and takes over
    /// the checksum it claims: what a dump does to show the rest. The record's kind is not believed.
    mutating func passOver() throws(JournalError) -> Bool {
        guard size - offset >= 8 else { return false }
        let place = try load(8, at: offset)
        let word = unsafe buffer.span.bytes.littleEndianWord(at: place)
        let (recordSize, padding) = (word & ((1 << 56) - 1), word >> 56 & 7)
        guard recordSize > 0, (recordSize + padding) & 7 == 0, recordSize + padding <= size - offset - 8
        else {
            return false
        }
        let start = try load(Int(recordSize), at: offset + 8)
        guard
            case .head(let head) = unsafe RecordHead.read(
                buffer.span.bytes.extracting(start..<(start + Int(recordSize))), recordSize: recordSize)
        else { return false }
        checksum = head.checksum
        offset += 8 + recordSize + padding
        return true
    }

    /// The next record, or nil at the end of the segment. Throws `.torn` where the log may be cut off.
    mutating func next() throws(JournalError) -> Record? {
        guard offset < size else { return nil }
        guard size - offset >= 8 else { throw cutShort }
        let start = try load(8, at: offset)
        let word = unsafe buffer.span.bytes.littleEndianWord(at: start)
        guard word != 0 else {
            try checkEnd()
            return nil
        }
        let recordSize = word & ((1 << 56) - 1)
        let mark = UInt8(word >> 56)
        let padding = UInt64(mark & 7)
        // 1. The word keeps its own rule: it lies in one sector, so no crash can split it.
        guard recordSize > 0, mark == (padding == 0 ? 0 : 0x80 | UInt8(padding)),
            (recordSize + padding) & 7 == 0
        else { throw malformed(.length) }
        // 2. What shares the word's sector was written with it.
        let sectorRest = Limits.sectorSize - (offset + 8) % Limits.sectorSize
        let rest = size - offset - 8
        if sectorRest < Limits.sectorSize {
            let known = min(sectorRest, recordSize, rest)
            let head = try load(Int(known), at: offset + 8)
            let reading = unsafe RecordHead.read(
                buffer.span.bytes.extracting(head..<(head + Int(known))), recordSize: recordSize)
            if reading == .damaged { throw malformed(.length) }
        }
        guard recordSize <= rest, padding <= rest - recordSize else { throw cutShort }
        return try record(size: Int(recordSize), padding: Int(padding))
    }

    /// Checks the record of known size at `offset` and moves behind it.
    private mutating func record(size: Int, padding: Int) throws(JournalError) -> Record {
        let start = try load(size + padding, at: offset + 8)
        let bytes = start..<(start + size)
        guard
            case .head(let head) = unsafe RecordHead.read(
                buffer.span.bytes.extracting(bytes), recordSize: UInt64(size))
        else { throw tornOrElse(malformed(.encoding), bytes) }
        guard let kind = RecordKind(rawValue: head.kind) else {
            throw tornOrElse(malformed(.unknownKind(head.kind)), bytes)
        }
        let data = (start + head.size)..<bytes.upperBound
        if kind == .checksum {
            // Only the first record of a segment, which repeats the value so far.
            guard data.isEmpty, offset == 0 else { throw malformed(.structure) }
            guard checksum == 0 || checksum == head.checksum else {
                throw corrupt(stored: head.checksum, computed: checksum)
            }
            checksum = head.checksum
        } else {
            guard offset > 0 else { throw malformed(.structure) }
            let computed = unsafe crc32c(checksum, buffer.span.bytes.extracting(data))
            guard computed == head.checksum else {
                throw tornOrElse(corrupt(stored: head.checksum, computed: computed), bytes)
            }
            checksum = computed
        }
        guard unsafe buffer.span.bytes.extracting(bytes.upperBound..<(bytes.upperBound + padding)).isZero
        else {
            throw malformed(.padding)
        }
        let record = Record(kind: kind, offset: offset, data: data)
        offset += UInt64(8 + size + padding)
        return record
    }

    /// After a zero length word: zeros up to the end of the sector, and of a segment that was cut long ago
    /// up to the end of the file.
    private mutating func checkEnd() throws(JournalError) {
        let sectorEnd = (offset / Limits.sectorSize + 1) * Limits.sectorSize
        let end = isLast ? min(sectorEnd, size) : size
        var position = offset
        while position < end {
            let count = Int(min(end - position, UInt64(Limits.readChunkSize)))
            let start = try load(count, at: position)
            guard unsafe buffer.span.bytes.extracting(start..<(start + count)).isZero else {
                throw malformed(.structure)
            }
            position += UInt64(count)
        }
    }

    /// Makes `count` bytes at `position` of the file present; returns where they lie in the buffer.
    /// `position` never goes back before the record at `offset`.
    private mutating func load(_ count: Int, at position: UInt64) throws(JournalError) -> Int {
        if position + UInt64(count) > bufferOffset + UInt64(buffer.count) {
            let kept = Int(min(max(position, bufferOffset) - bufferOffset, UInt64(buffer.count)))
            buffer.removeFirst(kept)
            bufferOffset += UInt64(kept)
            if buffer.isEmpty { bufferOffset = position }
            let missing = Int(position - bufferOffset) + count - buffer.count
            let end = bufferOffset + UInt64(buffer.count)
            let wanted = Int(min(UInt64(max(missing, Limits.readChunkSize)), size - end))
            try onDisk { () throws(DiskError) in
                try disk.read(file, at: end, count: wanted, into: &buffer)
            }
            guard position + UInt64(count) <= bufferOffset + UInt64(buffer.count) else {
                throw malformed(.truncated)  // the file shrank while being read
            }
        }
        return Int(position - bufferOffset)
    }

    /// `failure`, unless a crash explains it: a sector of the record was never written.
    private func tornOrElse(_ failure: JournalError, _ bytes: Range<Int>) -> JournalError {
        guard isLast else { return failure }
        var start = bytes.lowerBound
        var position = offset + 8
        while start < bytes.upperBound {
            let chunk = Int(Limits.sectorSize - position % Limits.sectorSize)
            let end = min(start + chunk, bytes.upperBound)
            if unsafe buffer.span.bytes.extracting(start..<end).isZero {
                return .torn(path: file.path, offset: offset)
            }
            position += UInt64(end - start)
            start = end
        }
        return failure
    }

    private var cutShort: JournalError {
        isLast ? .torn(path: file.path, offset: offset) : malformed(.truncated)
    }

    private func malformed(_ fault: RecordFault) -> JournalError {
        .malformed(path: file.path, offset: offset, fault)
    }

    private func corrupt(stored: UInt32, computed: UInt32) -> JournalError {
        .corrupt(path: file.path, offset: offset, stored: stored, computed: computed)
    }
}

extension RawSpan {
    /// Whether every byte is zero; true of no bytes.
    var isZero: Bool {
        // Each byte equals the one before it and the first is zero; both ranges lie inside the span.
        unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
            return unsafe base.load(as: UInt8.self) == 0 && memcmp(base, base + 1, bytes.count - 1) == 0
        }
    }

    func littleEndianWord(at position: Int) -> UInt64 {
        precondition(position + 8 <= byteCount)
        return UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    func littleEndianHalf(at position: Int) -> UInt32 {
        precondition(position + 4 <= byteCount)
        return UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: position, as: UInt32.self))
    }
}
