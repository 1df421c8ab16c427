/// A unary gRPC request as the frames a client sends on a connection it has used before: HEADERS whose fields
/// are all in HPACK's dynamic table, and DATA. Source: RFC 9113 section 4.1, RFC 7541 section 6.
struct RequestFrames {
    private var frames: NumberedBytes
    private let dataFrame: Int
    /// The next stream; clients use the odd ones.
    private var stream: UInt32

    /// What the connection begins with, and the first request, on stream 1, whose header fields enter the
    /// table.
    let opening: [UInt8]

    init(path: String, message: [UInt8]) {
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost:2379"),
            ("content-type", "application/grpc"), ("user-agent", "grpc-go/1.71.1"), ("te", "trailers"),
        ]
        let data =
            Self.frame(0, flags: 1, stream: 1, [0] + Self.bigEndian(UInt32(message.count)) + message)
        // Literals with incremental indexing, without Huffman coding.
        let literals = fields.flatMap { (name, value) -> [UInt8] in
            [0x40] + Self.literal(name) + Self.literal(value)
        }
        opening = Self.hello + Self.frame(1, flags: 4, stream: 1, literals) + data
        // The first that entered has the highest place; places begin behind the 61 of the static table.
        let indexed = fields.indices.map { 0x80 | UInt8(61 + fields.count - $0) }
        let headers = Self.frame(1, flags: 4, stream: 1, indexed)
        frames = NumberedBytes(headers + data)
        dataFrame = headers.count
        stream = 1
    }

    /// Moves on to the next stream with key number `number`, and lends the bytes.
    mutating func next<R>(_ number: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        stream += 2
        for (place, shift) in [24, 16, 8, 0].enumerated() {
            let byte = UInt8(truncatingIfNeeded: stream >> UInt32(shift))
            frames.bytes[5 + place] = byte
            frames.bytes[dataFrame + 5 + place] = byte
        }
        frames.set(number)
        return unsafe frames.bytes.withUnsafeBytes { unsafe body($0) }
    }

    /// Preface, SETTINGS with a stream window of 1 GiB, our acknowledgement of the server's.
    private static var hello: [UInt8] {
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, stream: 0, [0, 4] + bigEndian(1 << 30))
            + frame(4, flags: 1, stream: 0, []) + windowUpdate(1 << 30)
    }

    /// Allows the server so many more bytes on the connection.
    static func windowUpdate(_ bytes: UInt32) -> [UInt8] { frame(8, stream: 0, bigEndian(bytes)) }

    private static func literal(_ text: String) -> [UInt8] {
        precondition(text.utf8.count < 127)
        return [UInt8(text.utf8.count)] + Array(text.utf8)
    }

    private static func frame(
        _ type: UInt8, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8]
    ) -> [UInt8] {
        precondition(payload.count <= 16_384, "a frame")
        return Array(bigEndian(UInt32(payload.count)).dropFirst()) + [type, flags] + bigEndian(stream)
            + payload
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
