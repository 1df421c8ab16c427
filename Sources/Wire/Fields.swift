/// The fields of a small, rarely sent message, copied out; the hot messages are read in place.
package struct Fields: Sendable {
    private var numbers: [Int: UInt64] = [:]
    private var payloads: [Int: [[UInt8]]] = [:]

    /// Reads the message that fills `bytes`.
    package init(decoding bytes: borrowing RawSpan) throws(WireError) {
        try self.init(decoding: bytes, at: 0..<bytes.byteCount)
    }

    /// Reads the message embedded at `range` of `bytes`.
    package init(decoding bytes: borrowing RawSpan, at range: Range<Int>) throws(WireError) {
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            switch field.value {
            case .varint(let value): numbers[field.number] = value
            case .bytes(let at): payloads[field.number, default: []].append(bytes.extracting(at).copied())
            case .fixed32, .fixed64: break
            }
        }
    }

    /// Reads a message in an array of its own.
    package init(decoding bytes: [UInt8]) throws(WireError) {
        // The span lives no longer than the call.
        try unsafe self.init(decoding: bytes.span.bytes)
    }

    /// 0 when absent, as proto3 has it.
    package func number(_ field: Int) -> Int64 { Int64(bitPattern: numbers[field] ?? 0) }

    /// The last one; empty when absent.
    package func bytes(_ field: Int) -> [UInt8] { payloads[field]?.last ?? [] }

    /// Every one of a repeated field.
    package func all(_ field: Int) -> [[UInt8]] { payloads[field] ?? [] }

    /// Whether a bytes, string or message field is there, even an empty one.
    package func has(_ field: Int) -> Bool { payloads[field] != nil }

    /// The message in a field; nil when absent or malformed.
    package func message(_ field: Int) -> Fields? {
        guard let payload = payloads[field]?.last else { return nil }
        return try? Fields(decoding: payload)
    }
}
