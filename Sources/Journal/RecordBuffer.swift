import CPlatform
import Raft
import Wire

/// The kinds of record; raw values are walpb's.
package enum RecordKind: UInt64, Sendable {
    case metadata = 1
    case entry = 2
    case state = 3
    case checksum = 4
    case snapshot = 5
}

/// The end of a segment in memory: the block the log ends in, and the records appended since.
///
/// Whole blocks go to disk, so that they may go past the page cache: the last one is written again with
/// what comes next, and is zero behind the records, as the rest of the segment is. One pass, no allocation
/// per record. One record, padded to 8 bytes so that a length word never crosses a sector:
///
///     offset  size  field
///     0       8     length word, little-endian: n in the low 56 bits; top byte 0x80 | p, or 0 when p = 0
///     8       n     walpb.Record: 1 kind (varint), 2 checksum (varint), 3 data (bytes, absent when empty)
///     8+n     p     zero padding, p in 0...7
///
/// Invariant: a record's checksum is the CRC-32C of its data and that of every earlier record, across
/// segments; a checksum record has no data and repeats the value so far.
/// Source: spec/wal-snap.md 2; etcd server/storage/wal/encoder.go.
struct RecordBuffer: ~Copyable, Sendable {
    /// The running checksum after the last record appended.
    private(set) var checksum: UInt32
    /// Where in its segment the buffer begins, in bytes: a multiple of `Limits.blockSize`.
    private var base: UInt64
    /// Bytes that are records, from `base` on; a multiple of 8.
    private var count: Int
    /// How many of them are on disk already: less than a block.
    private var written: Int
    private var memory: BlockMemory

    /// Continues a segment of which `tail` is what its last, unfinished block holds; that block begins at
    /// `base`. Without arguments: a new segment.
    init(checksum: UInt32, base: UInt64 = 0, tail: [UInt8] = []) {
        precondition(base.isMultiple(of: UInt64(Limits.blockSize)) && tail.count < Limits.blockSize)
        precondition(tail.count.isMultiple(of: 8))
        self.checksum = checksum
        self.base = base
        count = tail.count
        written = tail.count
        memory = BlockMemory(capacity: Limits.blockSize)
        unsafe memory.bytes.copyBytes(from: tail)
    }

    /// Where in its segment the next record goes.
    var end: UInt64 { base + UInt64(count) }

    /// Bytes of the records appended since `settle`.
    var newsSize: Int { count - written }

    /// The blocks that hold what was appended, and the offset they belong at.
    mutating func withBlocks<E: Error>(
        _ body: (_ offset: UInt64, borrowing RawSpan) throws(E) -> Void
    ) throws(E) {
        let size = (count + Limits.blockSize - 1) / Limits.blockSize * Limits.blockSize
        unsafe memory.bytes[count..<size].initializeMemory(as: UInt8.self, repeating: 0)
        // Copies nothing; the pointer does not leave the call. The memory is whole blocks and holds `count`.
        try unsafe body(base, RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory.bytes[..<size])))
    }

    /// What was appended is on disk: keeps the unfinished block only.
    mutating func settle() {
        let kept = count % Limits.blockSize
        let start = count - kept
        if start > 0 {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[start..<count])
            unsafe memory.bytes.copyMemory(from: rest)
        }
        base += UInt64(start)
        count = kept
        written = kept
        if memory.capacity > Limits.batchBufferKept { memory.shrink(keeping: kept) }
    }

    /// Goes to the beginning of a new segment, which starts with the checksum so far.
    mutating func beginSegment() {
        base = 0
        count = 0
        written = 0
        append(.checksum, head: FieldBytes(), body: RawSpan())
    }

    mutating func append(_ entry: Entry) {
        var head = FieldBytes()
        head.append(1, entry.kind.rawValue)
        head.append(2, entry.term.rawValue)
        head.append(3, entry.index.rawValue)
        if !entry.data.isEmpty { head.appendTag(4, length: entry.data.count) }
        unsafe append(.entry, head: head, body: entry.data.span.bytes)
    }

    mutating func append(_ state: HardState) {
        var head = FieldBytes()
        head.append(1, state.term.rawValue)
        head.append(2, state.vote?.rawValue ?? 0)
        head.append(3, state.commit.rawValue)
        append(.state, head: head, body: RawSpan())
    }

    mutating func append(_ kind: RecordKind, data: borrowing RawSpan) {
        append(kind, head: FieldBytes(), body: data)
    }

    /// A record whose data is `head` followed by `body`.
    private mutating func append(_ kind: RecordKind, head: FieldBytes, body: borrowing RawSpan) {
        checksum = unsafe crc32c(checksum, head.storage.span.bytes.extracting(first: head.count))
        checksum = crc32c(checksum, body)
        let dataSize = head.count + body.byteCount
        var fields = FieldBytes()
        fields.append(1, kind.rawValue)
        fields.append(2, UInt64(checksum))
        if dataSize > 0 { fields.appendTag(3, length: dataSize) }
        let size = fields.count + dataSize
        let padding = -size & 7
        var word = UInt64(size) | (padding == 0 ? 0 : UInt64(0x80 | padding) << 56)
        let needed = count + 8 + size + padding
        memory.grow(to: needed, keeping: count)
        // Every write below ends at or before `needed`, which the memory holds.
        var target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[count..<needed])
        func put(_ bytes: borrowing RawSpan) {
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
            unsafe target = UnsafeMutableRawBufferPointer(rebasing: target[bytes.byteCount...])
        }
        word = word.littleEndian
        unsafe withUnsafeBytes(of: word) { unsafe target.copyMemory(from: $0) }
        unsafe target = UnsafeMutableRawBufferPointer(rebasing: target[8...])
        unsafe put(fields.storage.span.bytes.extracting(first: fields.count))
        unsafe put(head.storage.span.bytes.extracting(first: head.count))
        put(body)
        for position in target.indices { unsafe target[position] = 0 }
        count = needed
    }
}

/// CRC-32C continued from `checksum`, 0 to start.
package func crc32c(_ checksum: UInt32, _ bytes: borrowing RawSpan) -> UInt32 {
    // The pointer does not leave the call.
    unsafe bytes.withUnsafeBytes { unsafe platform_crc32c(checksum, $0.baseAddress, $0.count) }
}
