import CNgHTTP2

/// The header fields of a method's calls to one server, laid out once for nghttp2, which copies none of them.
///
/// Calls share them; a call keeps them alive until its stream has closed.
@safe package final class GRPCRequestHeaders {
    package let path: String
    /// Names and values, one behind the other; ours from init to deinit.
    private let text: UnsafeMutableBufferPointer<UInt8>
    let fields: [nghttp2_nv]

    /// `metadata`: more fields, names in lower case; a token belongs here (`token`).
    package init(
        path: String, scheme: String = "http", authority: String,
        metadata: [(name: String, value: String)] = []
    ) {
        self.path = path
        let pairs =
            [
                (":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority),
                ("content-type", "application/grpc"), ("te", "trailers"),
            ] + metadata.map { ($0.name, $0.value) }
        let bytes = pairs.flatMap { Array($0.0.utf8) + Array($0.1.utf8) }
        let text = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = unsafe text.initialize(from: bytes)
        unsafe self.text = text
        let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        var offset = 0
        unsafe fields = pairs.map { name, value in
            let (nameCount, valueCount) = (name.utf8.count, value.utf8.count)
            defer { offset += nameCount + valueCount }
            // Both lie within `text`, which was made of exactly these pairs.
            return unsafe nghttp2_nv(
                name: text.baseAddress?.advanced(by: offset),
                value: text.baseAddress?.advanced(by: offset + nameCount),
                namelen: nameCount, valuelen: valueCount, flags: flags)
        }
    }

    deinit { unsafe text.deallocate() }
}
