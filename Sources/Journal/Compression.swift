import CZlib

/// One zlib compressor at level 1, used for many independent streams.
///
/// Safe: the pointer is made in `init`, freed in `deinit`, and never handed out.
@safe struct Compressor: ~Copyable {
    /// zlib keeps a pointer back to its stream, so the stream has an address of its own.
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe deflateInit_(stream, 1, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib has no memory, or is not the version of its header")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Appends the stream of `bytes` to `output` if it takes at most `limit` bytes; says whether it did.
    func compress(_ bytes: borrowing RawSpan, limit: Int, into output: inout [UInt8]) -> Bool {
        precondition(bytes.byteCount > 0 && bytes.byteCount < Int(UInt32.max))
        guard limit > 0 else { return false }
        unsafe deflateReset(stream)
        var isDone = false
        output.append(addingCapacity: limit) { target in
            unsafe bytes.withUnsafeBytes { input in
                // zlib reads `input` and writes `target` during this call only, within the counts given.
                unsafe target.withUnsafeMutableBufferPointer { buffer, used in
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
                    unsafe stream.pointee.avail_in = UInt32(input.count)
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(limit)
                    isDone = unsafe deflate(stream, Z_FINISH) == Z_STREAM_END
                    used = isDone ? unsafe limit - Int(stream.pointee.avail_out) : 0
                }
            }
        }
        return isDone
    }
}

/// One zlib decompressor, used for many independent streams.
///
/// Safe: as `Compressor`.
@safe struct Decompressor: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib has no memory, or is not the version of its header")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Appends exactly `size` bytes to `output`; false when `bytes` is not one whole stream of that many.
    func decompress(_ bytes: borrowing RawSpan, size: Int, into output: inout [UInt8]) -> Bool {
        unsafe inflateReset(stream)
        var isWhole = false
        output.append(addingCapacity: size) { target in
            unsafe bytes.withUnsafeBytes { input in
                // As in `compress`.
                unsafe target.withUnsafeMutableBufferPointer { buffer, used in
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
                    unsafe stream.pointee.avail_in = UInt32(input.count)
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(size)
                    isWhole =
                        unsafe inflate(stream, Z_FINISH) == Z_STREAM_END
                        && stream.pointee.avail_in == 0 && stream.pointee.avail_out == 0
                    used = isWhole ? size : 0
                }
            }
        }
        return isWhole
    }
}
