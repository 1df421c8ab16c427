/// Protobuf encoding by hand, for bytes that must be spliced or must match etcd's to the letter.
///
/// Everything appends to a byte array that its owner reuses. A length-delimited field is written as
/// `appendTag`, `appendVarint(length)`, then exactly that many bytes; `varintSize` gives lengths ahead.
extension [UInt8] {
    package mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// The key of a length-delimited field (wire type 2).
    package mutating func appendBytesTag(_ number: Int) { appendVarint(UInt64(number) << 3 | 2) }

    /// A varint field, written even when zero (proto2 as gogo writes it).
    package mutating func appendField(_ number: Int, always value: UInt64) {
        appendVarint(UInt64(number) << 3)
        appendVarint(value)
    }

    /// A varint field, left out when zero (proto3).
    package mutating func appendField(_ number: Int, _ value: UInt64) {
        if value != 0 { appendField(number, always: value) }
    }

    /// A signed varint field (int32, int64: negative numbers take ten bytes), left out when zero.
    package mutating func appendField(_ number: Int, _ value: Int64) {
        appendField(number, UInt64(bitPattern: value))
    }

    package mutating func appendField(_ number: Int, _ value: Bool) {
        appendField(number, value ? 1 : 0 as UInt64)
    }

    /// A bytes, string or message field, written even when empty.
    package mutating func appendField(_ number: Int, always bytes: borrowing RawSpan) {
        appendBytesTag(number)
        appendVarint(UInt64(bytes.byteCount))
        appendSpan(bytes)
    }

    /// A bytes, string or message field, left out when empty (proto3).
    package mutating func appendField(_ number: Int, _ bytes: borrowing RawSpan) {
        if bytes.byteCount > 0 { appendField(number, always: bytes) }
    }

    /// A bytes, string or message field, written even when empty.
    package mutating func appendField(_ number: Int, always bytes: [UInt8]) {
        appendBytesTag(number)
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    package mutating func appendSpan(_ bytes: borrowing RawSpan) {
        // The buffer does not leave the closure; append copies it.
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}

/// How many bytes the value takes as a varint: 1 to 10.
@inlinable package func varintSize(_ value: UInt64) -> Int {
    (64 - (value | 1).leadingZeroBitCount + 6) / 7
}

extension RawSpan {
    /// A copy of these bytes.
    package func copied() -> [UInt8] {
        // The buffer does not leave the closure; Array copies it.
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

/// Writes a varint into exactly the `varintSize` bytes it takes.
@inlinable package func writeVarint(_ value: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count == varintSize(value), "a varint has one size")
    var rest = value
    // One byte for each 7 bits, as counted.
    for index in 0..<bytes.count - 1 {
        unsafe bytes[index] = UInt8(truncatingIfNeeded: rest) | 0x80
        rest >>= 7
    }
    unsafe bytes[bytes.count - 1] = UInt8(rest)
}
