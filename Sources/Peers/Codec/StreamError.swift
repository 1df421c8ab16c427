import Journal

/// Why the bytes of a stream make no sense; the stream then ends and is dialled anew.
enum StreamError: Error, Equatable {
    /// The first byte of an append frame that is none of the three.
    case unknownFrame(UInt8)
    /// A length or count beyond the bound.
    case tooLarge(UInt64)
    case message(MessageError)
    /// An append stream carries something else.
    case notAnAppend
}

/// The bytes of a frame that is not whole yet, between two reads.
struct FrameRest {
    private var kept: [UInt8] = []

    var count: Int { kept.count }

    /// Shows `body` what was kept and `bytes` as one; it answers how many it took, and the rest is kept.
    mutating func join(
        _ bytes: borrowing RawSpan, _ body: (borrowing RawSpan) throws(StreamError) -> Int
    ) throws(StreamError) {
        if kept.isEmpty {
            let taken = try body(bytes)
            kept.append(copying: bytes.extracting(droppingFirst: taken))
            return
        }
        kept.append(copying: bytes)
        // Safe: `kept` does not change while its span lives.
        let taken = unsafe try body(kept.span.bytes)
        kept.removeFirst(taken)
        if kept.isEmpty, kept.capacity > Self.capacityKept { kept = [] }
    }

    /// A stream that once carried a large frame does not hold its memory.
    private static let capacityKept = 1 << 20
}

extension [UInt8] {
    fileprivate mutating func append(copying bytes: borrowing RawSpan) {
        // Safe: the buffer does not leave the closure; append copies it.
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }

    /// Eight bytes, the most significant first.
    mutating func appendBigEndian(_ value: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    mutating func replaceBigEndian(at position: Int, _ value: UInt64) {
        for byte in 0..<8 {
            self[position + byte] = UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * byte))
        }
    }
}

extension RawSpan {
    /// Eight bytes, the most significant first; nil when there are fewer.
    func bigEndian(at offset: Int) -> UInt64? {
        guard byteCount - offset >= 8 else { return nil }
        // Safe: the eight bytes are within bounds, and any bits are a number.
        return UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
