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

/// Gathers the records of one save into contiguous bytes: one pass, no allocation per record.
///
/// One record on disk, padded to 8 bytes so that a length word never crosses a sector:
///
///     offset  size  field
///     0       8     length word, little-endian: n in the low 56 bits; top byte 0x80 | p, or 0 when p = 0
///     8       n     walpb.Record: 1 kind (varint), 2 checksum (varint), 3 data (bytes, absent when empty)
///     8+n     p     zero padding, p in 0...7
///
/// Invariant: a record's checksum is the CRC-32C of its data and that of every earlier record, across
/// segments; a checksum record has no data and repeats the value so far.
/// Source: spec/wal-snap.md 2; etcd server/storage/wal/encoder.go.
struct RecordBuffer: Sendable {
    /// The running checksum after the last record appended.
    private(set) var checksum: UInt32
    /// Bytes appended and not yet removed; always a multiple of 8.
    private(set) var count = 0
    /// Grown, never shrunk, while `count` stays below; what lies beyond `count` is stale.
    private var storage: [UInt8] = []

    init(checksum: UInt32) { self.checksum = checksum }

    /// The records as they go to disk.
    func withBytes<R, E: Error>(_ body: (borrowing RawSpan) throws(E) -> R) throws(E) -> R {
        try unsafe body(storage.span.bytes.extracting(first: count))
    }

    /// Forgets the bytes, not the checksum.
    mutating func removeAll() {
        count = 0
        if storage.count > Limits.batchBufferKept { storage = [] }
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

    /// Repeats the running checksum, as the first record of every segment does.
    mutating func appendChecksum() { append(.checksum, head: FieldBytes(), body: RawSpan()) }

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
        if storage.count < needed {
            let missing = max(needed, storage.count * 2) - storage.count
            storage.append(contentsOf: [UInt8](repeating: 0, count: missing))
        }
        // Every write below ends at or before `needed`, which the storage holds.
        unsafe storage.withUnsafeMutableBytes { storage in
            var target = unsafe UnsafeMutableRawBufferPointer(rebasing: storage[count..<needed])
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
        }
        count = needed
    }
}

/// A few varint fields in place: at most three scalars and the tag of a bytes field (44 bytes).
struct FieldBytes {
    /// Meaningful up to `count`.
    private(set) var storage = InlineArray<48, UInt8>(repeating: 0)
    private(set) var count = 0

    mutating func append(_ number: UInt8, _ value: UInt64) {
        appendVarint(UInt64(number) << 3)
        appendVarint(value)
    }

    mutating func appendTag(_ number: UInt8, length: Int) {
        appendVarint(UInt64(number) << 3 | 2)
        appendVarint(UInt64(length))
    }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            storage[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        storage[count] = UInt8(truncatingIfNeeded: rest)
        count += 1
    }
}

/// CRC-32C continued from `checksum`, 0 to start.
package func crc32c(_ checksum: UInt32, _ bytes: borrowing RawSpan) -> UInt32 {
    // The pointer does not leave the call.
    unsafe bytes.withUnsafeBytes { unsafe platform_crc32c(checksum, $0.baseAddress, $0.count) }
}
