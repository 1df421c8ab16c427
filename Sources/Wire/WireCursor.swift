/// Why a protobuf message cannot be read.
package enum WireError: Error, Equatable {
    /// The message ends inside a field; `offset` is where the field began.
    case truncated(offset: Int)
    /// A varint of more than ten bytes, a field number of 0, or a group (wire types 3 and 4).
    case malformed(offset: Int)
}

/// One field of a protobuf message, as it lies in the bytes it was read from.
package struct WireField: Equatable {
    package enum Value: Equatable {
        /// Wire type 0: varint, already joined (negative int32 and int64 arrive sign-extended).
        case varint(UInt64)
        /// Wire type 2: where the payload lies in the bytes handed to `WireCursor.next(in:)`.
        case bytes(Range<Int>)
        /// Wire types 1 and 5: little-endian fixed-size numbers.
        case fixed64(UInt64)
        case fixed32(UInt32)
    }

    package var number: Int
    package var value: Value

    package init(number: Int, value: Value) {
        self.number = number
        self.value = value
    }
}

/// Reads the fields of one protobuf message in the order they lie, without copying.
///
/// The cursor holds a position only; the bytes are passed at each step, so it never outlives them:
///
///     var cursor = WireCursor()
///     while let field = try cursor.next(in: bytes) { switch field.number { … } }
///
/// Source: the protobuf encoding page; groups are refused because no etcd message has one.
package struct WireCursor {
    package private(set) var offset: Int
    private let end: Int?

    /// Reads from the start to the end of the bytes.
    package init() {
        offset = 0
        end = nil
    }

    /// Reads a message embedded at `range` of the bytes, as `WireField.Value.bytes` names it.
    package init(range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next field, or nil at the end of the message.
    package mutating func next(in bytes: borrowing RawSpan) throws(WireError) -> WireField? {
        let end = self.end ?? bytes.byteCount
        guard offset < end else { return nil }
        let start = offset
        let tag = try varint(in: bytes, end: end, fieldStart: start)
        guard tag >> 3 != 0, tag >> 3 <= 0x1fff_ffff else { throw .malformed(offset: start) }
        let number = Int(tag >> 3)
        switch tag & 7 {
        case 0:
            let value = try varint(in: bytes, end: end, fieldStart: start)
            return WireField(number: number, value: .varint(value))
        case 1:
            let value = try fixed(8, in: bytes, end: end, fieldStart: start)
            return WireField(number: number, value: .fixed64(value))
        case 2:
            let length = try varint(in: bytes, end: end, fieldStart: start)
            guard length <= UInt64(end - offset) else { throw .truncated(offset: start) }
            let payload = offset..<(offset + Int(length))
            offset = payload.upperBound
            return WireField(number: number, value: .bytes(payload))
        case 5:
            let value = try fixed(4, in: bytes, end: end, fieldStart: start)
            return WireField(number: number, value: .fixed32(UInt32(truncatingIfNeeded: value)))
        default:
            throw .malformed(offset: start)
        }
    }

    /// Tags, short lengths and small numbers are one byte.
    @inline(__always)
    private mutating func varint(
        in bytes: borrowing RawSpan, end: Int, fieldStart: Int
    ) throws(WireError) -> UInt64 {
        guard offset < end else { throw .truncated(offset: fieldStart) }
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        guard byte < 0x80 else { return try longVarint(in: bytes, end: end, fieldStart: fieldStart) }
        offset += 1
        return UInt64(byte)
    }

    private mutating func longVarint(
        in bytes: borrowing RawSpan, end: Int, fieldStart: Int
    ) throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard offset < end else { throw .truncated(offset: fieldStart) }
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift += 7
            guard shift < 70 else { throw .malformed(offset: fieldStart) }
        }
    }

    private mutating func fixed(
        _ count: Int, in bytes: borrowing RawSpan, end: Int, fieldStart: Int
    ) throws(WireError) -> UInt64 {
        guard count <= end - offset else { throw .truncated(offset: fieldStart) }
        var value: UInt64 = 0
        for position in 0..<count {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset + position, as: UInt8.self)
            value |= UInt64(byte) << UInt64(8 * position)
        }
        offset += count
        return value
    }
}
