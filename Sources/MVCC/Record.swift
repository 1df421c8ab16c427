import Glibc
import Wire

/// The stored form of a change: mvccpb.KeyValue as protobuf, zero fields left out; a tombstone has the
/// key only. Source: spec/api.md 3, spec/vectors.md 5.
struct RecordFields {
    var createRevision: Int64
    var modRevision: Int64
    var version: Int64
    var lease: Int64

    /// Bytes of the record with these fields.
    func size(keySize: Int, valueSize: Int) -> Int {
        1 + varintSize(UInt64(keySize)) + keySize
            + RecordFields.size(of: createRevision) + RecordFields.size(of: modRevision)
            + RecordFields.size(of: version) + RecordFields.size(of: lease)
            + (valueSize > 0 ? 1 + varintSize(UInt64(valueSize)) + valueSize : 0)
    }

    private static func size(of value: Int64) -> Int {
        value == 0 ? 0 : 1 + varintSize(UInt64(bitPattern: value))
    }

    /// Writes the record at `target`, which has room for `size` bytes.
    func write(key: borrowing RawSpan, value: borrowing RawSpan, to target: UnsafeMutableRawPointer) {
        // `size` above counts exactly what is written here; the precondition at the end compares.
        var writer = unsafe RecordWriter(target)
        writer.bytes(1, key)
        writer.number(2, createRevision)
        writer.number(3, modRevision)
        writer.number(4, version)
        if value.byteCount > 0 { writer.bytes(5, value) }
        writer.number(6, lease)
        precondition(writer.count == size(keySize: key.byteCount, valueSize: value.byteCount))
    }

    static func tombstoneSize(keySize: Int) -> Int { 1 + varintSize(UInt64(keySize)) + keySize }

    static func writeTombstone(key: borrowing RawSpan, to target: UnsafeMutableRawPointer) {
        var writer = unsafe RecordWriter(target)
        writer.bytes(1, key)
    }
}

@safe private struct RecordWriter {
    private let target: UnsafeMutableRawPointer
    private(set) var count = 0

    init(_ target: UnsafeMutableRawPointer) { unsafe self.target = target }

    private mutating func byte(_ value: UInt8) {
        unsafe target.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    mutating func number(_ field: UInt8, _ value: Int64) {
        guard value != 0 else { return }
        byte(field << 3)
        varint(UInt64(bitPattern: value))
    }

    mutating func bytes(_ field: UInt8, _ bytes: borrowing RawSpan) {
        byte(field << 3 | 2)
        varint(UInt64(bytes.byteCount))
        unsafe bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe memcpy(target + count, base, source.count)
        }
        count += bytes.byteCount
    }
}

/// What the index needs of a stored record; read when the database is opened and when it is hashed.
@unsafe struct RecordHead {
    var key: UnsafeRawBufferPointer
    var createRevision: Int64 = 0
    var modRevision: Int64 = 0
    var version: Int64 = 0
    var hasLease = false

    /// Whether the fields are such as a change at `key` has. A flipped bit hardly ever leaves them so.
    func agrees(with key: RevisionKey) -> Bool {
        let (create, mod, version) = unsafe (createRevision, modRevision, version)
        if key.isTombstone { return create == 0 && mod == 0 && version == 0 }
        return mod == key.revision.main && create >= 1 && create <= mod && version >= 1
            && (version > 1 || create == mod)
    }

    /// Reads the fields without copying; nil when the bytes are no KeyValue with a key. `key` points into
    /// `record`.
    init?(_ record: UnsafeRawBufferPointer) {
        // The span ends with this initializer; ranges the cursor gives lie inside the record.
        let span = unsafe RawSpan(_unsafeBytes: record)
        unsafe key = UnsafeRawBufferPointer(start: nil, count: 0)
        var cursor = WireCursor()
        do throws(WireError) {
            while let field = try cursor.next(in: span) {
                switch (field.number, field.value) {
                case (1, .bytes(let range)): unsafe key = UnsafeRawBufferPointer(rebasing: record[range])
                case (2, .varint(let value)): unsafe createRevision = Int64(bitPattern: value)
                case (3, .varint(let value)): unsafe modRevision = Int64(bitPattern: value)
                case (4, .varint(let value)): unsafe version = Int64(bitPattern: value)
                case (6, .varint(let value)): unsafe hasLease = value != 0
                default: break
                }
            }
        } catch {
            return nil
        }
        guard unsafe key.count > 0 else { return nil }
    }
}
