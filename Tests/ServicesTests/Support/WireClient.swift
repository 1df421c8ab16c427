import CNgHTTP2

/// A gRPC client's side of one HTTP/2 connection, as bytes: requests written by hand, answers cut into
/// frames with nghttp2's HPACK decoder.
@safe final class WireClient {
    struct Stream {
        var data: [UInt8] = []
        var trailers: [String: String] = [:]
        var hasHeaders = false
        var hasEnded = false
    }

    private var buffer: [UInt8] = []
    private let inflater: OpaquePointer
    private(set) var streams: [UInt32: Stream] = [:]

    init() {
        var made: OpaquePointer?
        let result = unsafe nghttp2_hd_inflate_new(&made)
        guard result == 0, let inflater = unsafe made else { preconditionFailure("no memory") }
        unsafe self.inflater = inflater
    }

    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    // Requests.

    /// Preface and settings; `window` is what each stream may send us unasked.
    static func hello(window: UInt32) -> [UInt8] {
        let setting: [UInt8] = [0, 4] + bigEndian(window)
        return Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, stream: 0, setting)
            + frame(4, flags: 1, stream: 0, []) + frame(8, stream: 0, bigEndian(0x7000_0000))
    }

    static func windowUpdate(_ stream: UInt32, _ bytes: UInt32) -> [UInt8] {
        frame(8, stream: stream, bigEndian(bytes))
    }

    static func headers(_ stream: UInt32, path: String, _ metadata: [(String, String)]) -> [UInt8] {
        let fields =
            [
                (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
                ("content-type", "application/grpc"), ("te", "trailers"),
            ] + metadata
        // HPACK: literals without indexing and without Huffman coding.
        let block = fields.flatMap { (name, value) -> [UInt8] in [0] + literal(name) + literal(value) }
        return frame(1, flags: 4, stream: stream, block)
    }

    /// One gRPC message, in DATA frames of at most 16 KiB.
    static func message(_ stream: UInt32, _ bytes: [UInt8], end: Bool) -> [UInt8] {
        let framed = [0] + bigEndian(UInt32(bytes.count)) + bytes
        var output: [UInt8] = []
        var start = 0
        while start < framed.count {
            let stop = min(start + 16_384, framed.count)
            let isLast = stop == framed.count
            output += frame(0, flags: isLast && end ? 1 : 0, stream: stream, Array(framed[start..<stop]))
            start = stop
        }
        return output
    }

    static func halfClose(_ stream: UInt32) -> [UInt8] { frame(0, flags: 1, stream: stream, []) }
    static func reset(_ stream: UInt32) -> [UInt8] { frame(3, stream: stream, bigEndian(8)) }

    private static func literal(_ text: String) -> [UInt8] {
        precondition(text.utf8.count < 127)
        return [UInt8(text.utf8.count)] + Array(text.utf8)
    }

    private static func frame(
        _ type: UInt8, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8]
    ) -> [UInt8] {
        Array(bigEndian(UInt32(payload.count)).dropFirst()) + [type, flags] + bigEndian(stream) + payload
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    // Answers.

    func receive(_ bytes: [UInt8]) {
        buffer += bytes
        var start = 0
        while buffer.count - start >= 9 {
            let head = buffer[start..<start + 9]
            let length = head.prefix(3).reduce(0) { $0 << 8 | Int($1) }
            guard buffer.count - start >= 9 + length else { break }
            let stream = head.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
            take(
                head[head.startIndex + 3], flags: head[head.startIndex + 4], stream,
                Array(buffer[start + 9..<start + 9 + length]))
            start += 9 + length
        }
        buffer.removeFirst(start)
    }

    private func take(_ type: UInt8, flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) {
        switch type {
        case 0: streams[stream, default: Stream()].data += payload
        case 1:
            streams[stream, default: Stream()].hasHeaders = true
            streams[stream]?.trailers = inflate(payload)
        case 3: streams[stream, default: Stream()].hasEnded = true
        default: return
        }
        if type < 2, flags & 1 != 0 { streams[stream]?.hasEnded = true }
    }

    private func inflate(_ block: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var offset = 0
        while offset < block.count {
            var field = unsafe nghttp2_nv()
            var flags: Int32 = 0
            let used = unsafe block.withUnsafeBufferPointer { bytes in
                unsafe nghttp2_hd_inflate_hd2(
                    inflater, &field, &flags, bytes.baseAddress.map { unsafe $0 + offset },
                    block.count - offset, 1)
            }
            precondition(used >= 0)
            offset += used
            guard flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 else { continue }
            let name = unsafe UnsafeBufferPointer(start: field.name, count: field.namelen)
            let value = unsafe UnsafeBufferPointer(start: field.value, count: field.valuelen)
            unsafe fields[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        unsafe nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }

    /// The whole messages of a stream so far.
    func messages(_ stream: UInt32) -> [[UInt8]] {
        var rest = (streams[stream]?.data ?? [])[...]
        var found: [[UInt8]] = []
        while rest.count >= 5 {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 5 + length else { break }
            found.append(Array(rest.dropFirst(5).prefix(length)))
            rest = rest.dropFirst(5 + length)
        }
        return found
    }
}
