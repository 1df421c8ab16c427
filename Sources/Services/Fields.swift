import Wire

/// The fields of a small, rarely sent message, copied out; the hot messages are read in place.
struct Fields: Sendable {
    private var numbers: [Int: UInt64] = [:]
    private var payloads: [Int: [[UInt8]]] = [:]

    init(decoding bytes: borrowing RawSpan) throws(WireError) {
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            switch field.value {
            case .varint(let value): numbers[field.number] = value
            case .bytes(let at): payloads[field.number, default: []].append(bytes.extracting(at).copied())
            case .fixed32, .fixed64: break
            }
        }
    }

    /// 0 when absent, as proto3 has it.
    func number(_ field: Int) -> Int64 { Int64(bitPattern: numbers[field] ?? 0) }

    /// The last one; empty when absent.
    func bytes(_ field: Int) -> [UInt8] { payloads[field]?.last ?? [] }

    /// Every one of a repeated field.
    func all(_ field: Int) -> [[UInt8]] { payloads[field] ?? [] }

    func has(_ field: Int) -> Bool { payloads[field] != nil }

    /// The message in a field; nil when absent or malformed.
    func message(_ field: Int) -> Fields? {
        guard let payload = payloads[field]?.last else { return nil }
        return try? Fields(decoding: payload)
    }
}
