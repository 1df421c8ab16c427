import CZlib

/// Why a compressed message is refused.
enum InflateError: Error, Equatable {
    /// More than the bound came out; what came out is dropped.
    case tooLarge
    /// Not a gzip stream, or a broken or truncated one.
    case malformed
}

/// Decompresses one gzip message to at most `limit` bytes.
func inflated(gzip bytes: UnsafeRawBufferPointer, limit: Int) throws(InflateError) -> [UInt8] {
    var stream = unsafe z_stream()
    let gzipOnly: Int32 = 15 + 16  // the largest window, with gzip's header and checksum
    guard unsafe inflateInit2_(&stream, gzipOnly, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .malformed }
    defer { unsafe inflateEnd(&stream) }
    let input = unsafe bytes.assumingMemoryBound(to: UInt8.self)
    unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
    unsafe stream.avail_in = UInt32(clamping: bytes.count)
    var output: [UInt8] = []
    while true {
        let room = max(4096, output.count)  // doubles: a bomb is met after log2(limit) steps
        var result = Z_OK
        var produced = 0
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            unsafe stream.next_out = buffer.baseAddress
            unsafe stream.avail_out = UInt32(room)
            result = unsafe inflate(&stream, Z_NO_FLUSH)
            produced = unsafe room - Int(stream.avail_out)
            count = produced
        }
        output += piece
        if output.count > limit { throw .tooLarge }
        if result == Z_STREAM_END { return output }
        guard result == Z_OK, produced > 0 else { throw .malformed }
    }
}
