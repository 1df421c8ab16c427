import CNgHTTP2

/// HTTP/2 frames as bytes, written by hand so that tests can send what no library would.
enum Frames {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8]
    {
        let count = UInt32(payload.count)
        return [
            UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
            UInt8(truncatingIfNeeded: count), type, flags,
        ] + bigEndian(stream) + payload
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func settings(_ entries: [(id: UInt16, value: UInt32)] = []) -> [UInt8] {
        frame(4, entries.flatMap { [UInt8($0.id >> 8), UInt8($0.id & 255)] + bigEndian($0.value) })
    }

    static let settingsAcknowledgement = frame(4, flags: 1)
    static func ping(_ text: UInt8 = 0) -> [UInt8] { frame(6, [UInt8](repeating: text, count: 8)) }
    static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] {
        frame(3, stream: stream, bigEndian(code))
    }
    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(8, stream: stream, bigEndian(increment))
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], end: Bool = false) -> [UInt8] {
        frame(0, flags: end ? 1 : 0, stream: stream, bytes)
    }

    static func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool = false) -> [UInt8] {
        frame(1, flags: end ? 5 : 4, stream: stream, block(fields))
    }

    /// HPACK: literal without indexing, names and values not Huffman-coded.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + string(name) + string(value) }
    }

    private static func string(_ text: String) -> [UInt8] {
        let utf8 = Array(text.utf8)
        if utf8.count < 127 { return [UInt8(utf8.count)] + utf8 }
        var rest = utf8.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + utf8
    }

    static func request(_ path: String, _ more: [(String, String)] = []) -> [(String, String)] {
        [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ] + more
    }

    /// gRPC's prefix and a message.
    static func message(_ bytes: [UInt8], compressed: UInt8 = 0) -> [UInt8] {
        [compressed] + bigEndian(UInt32(bytes.count)) + bytes
    }
}

/// A frame of the server, its header block decoded.
struct ReceivedFrame: Equatable {
    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]
    var fields: [String: String] = [:]

    var endsStream: Bool { flags & 1 != 0 && (type == 0 || type == 1) }
    var number: UInt32 { payload.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } }
}

/// Cuts a server's bytes into frames, with nghttp2's HPACK decoder.
@safe final class FrameReader {
    private var buffer: [UInt8] = []
    private let inflater: OpaquePointer
    private(set) var frames: [ReceivedFrame] = []

    init() {
        var made: OpaquePointer?
        precondition(unsafe nghttp2_hd_inflate_new(&made) == 0)
        unsafe inflater = unsafe made!
    }

    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    func append(_ bytes: [UInt8]) {
        buffer += bytes
        while buffer.count >= 9 {
            let length = Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2])
            guard buffer.count >= 9 + length else { return }
            let stream = buffer[5..<9].reduce(0) { $0 << 8 | UInt32($1) }
            var frame = ReceivedFrame(
                type: buffer[3], flags: buffer[4], stream: stream, payload: Array(buffer[9..<9 + length]))
            buffer.removeFirst(9 + length)
            if frame.type == 1 { frame.fields = inflate(frame.payload) }
            frames.append(frame)
        }
    }

    private func inflate(_ block: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var offset = 0
        while offset < block.count {
            var field = unsafe nghttp2_nv()
            var flags: Int32 = 0
            let used = unsafe block.withUnsafeBufferPointer { bytes in
                unsafe nghttp2_hd_inflate_hd2(
                    inflater, &field, &flags, bytes.baseAddress! + offset, block.count - offset, 1)
            }
            precondition(used >= 0)
            offset += used
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = unsafe String(
                    decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                let value = unsafe String(
                    decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
                fields[name] = value
            }
        }
        _ = unsafe nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }

    func frames(of stream: UInt32) -> [ReceivedFrame] { frames.filter { $0.stream == stream } }

    /// DATA of a stream, joined.
    func body(_ stream: UInt32) -> [UInt8] { frames(of: stream).filter { $0.type == 0 }.flatMap(\.payload) }

    /// The gRPC messages of a stream that are whole.
    func messages(_ stream: UInt32) -> [[UInt8]] {
        var bytes = body(stream)[...]
        var found: [[UInt8]] = []
        while bytes.count >= 5 {
            let length = bytes.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard bytes.count >= 5 + length else { break }
            found.append(Array(bytes.dropFirst(5).prefix(length)))
            bytes = bytes.dropFirst(5 + length)
        }
        return found
    }

    /// The fields of a stream's last HEADERS.
    func trailers(_ stream: UInt32) -> [String: String]? { frames(of: stream).last { $0.type == 1 }?.fields }

    /// `grpc-status` once the stream has ended.
    func status(_ stream: UInt32) -> Int? {
        guard frames(of: stream).contains(where: \.endsStream) else { return nil }
        return trailers(stream)?["grpc-status"].flatMap { Int($0) }
    }

    var goAway: ReceivedFrame? { frames.last { $0.type == 7 } }
}
