import CNgHTTP2
import Net

/// The write buffer of the flush that is running, and how far it is filled.
@safe struct OutputCursor {
    private var buffer = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private(set) var count = 0

    init() {}

    init(_ buffer: UnsafeMutableRawBufferPointer) { unsafe self.buffer = buffer }

    var room: Int { unsafe buffer.count - count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) { unsafe next(bytes.count).copyMemory(from: bytes) }

    mutating func rewind(to start: Int) {
        precondition(start <= count, "a rewind goes back")
        count = start
    }

    /// The next `size` bytes, to be written by the caller.
    mutating func next(_ size: Int) -> UnsafeMutableRawBufferPointer {
        precondition(size <= room, "a flush stays within its buffer")
        defer { count += size }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + size])
    }
}

/// From calls to bytes.
extension HTTP2Session {
    private static let frameHeadBytes = 9
    /// Less is not worth a frame while more waits.
    private static let dataBytesMin = 1024
    /// More than any one piece nghttp2 hands out: a frame of 16 KiB and its head.
    private static let pieceBytesMax = 16 * 1024 + 64

    /// Fills `buffer` with frames and answers how many bytes; 0 when there is nothing to say now.
    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe output = OutputCursor(buffer)
        repeat {
            guard fill() else {
                output = OutputCursor()
                host?.close()
                return 0
            }
        } while tellDrained() && output.room >= Self.pieceBytesMax
        let count = output.count
        output = OutputCursor()
        if count == 0, !wantsMore {
            host?.closeWhenFlushed()
        }
        return count
    }

    private var wantsMore: Bool {
        unsafe nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0
    }

    /// Takes frames from nghttp2 until it has none or the buffer is full; false when nghttp2 gave up.
    private func fill() -> Bool {
        while output.room >= Self.pieceBytesMax {
            var piece: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &piece)
            if count < 0 { return false }
            if count == 0 { return true }
            unsafe output.append(UnsafeRawBufferPointer(start: piece, count: count))
        }
        return true
    }

    /// Tells the calls whose queues ran low; true when there were any.
    private func tellDrained() -> Bool {
        if drained.isEmpty { return false }
        let calls = drained
        drained.removeAll(keepingCapacity: true)
        for call in calls where call.isOpen { call.handler?.drained(call) }
        return true
    }

    /// nghttp2 asks how much of a stream's DATA comes next; `room` is what frame and windows allow.
    func offerData(_ streamID: Int32, room: Int, _ flags: inout UInt32) -> Int {
        guard let call = call(streamID) else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        let available = call.outbound.byteCount
        if available == 0, call.status == nil {
            call.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        // What is offered is written at once, so it must fit the buffer; PAUSE waits for the next one.
        let fits = output.room - Self.frameHeadBytes
        if fits < min(available, room, Self.dataBytesMin) { return Int(NGHTTP2_ERR_PAUSE.rawValue) }
        let room = min(room, fits)
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if available <= room, let status = call.status {
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            submitTrailers(streamID, status)
        }
        return min(available, room)
    }

    /// Writes the frame that was offered: its head, then the bytes from the call's queue.
    func writeData(_ streamID: Int32, head: UnsafeRawBufferPointer, count: Int) -> Int32 {
        guard let call = call(streamID) else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        let start = output.count
        unsafe output.append(head)
        let held = call.outbound.heldBytes
        let isCopied = unsafe call.outbound.copy(into: output.next(count))
        unsentBytes -= held - call.outbound.heldBytes
        if !isCopied {  // a source failed: the frame is taken back and the stream reset, INTERNAL_ERROR
            output.rewind(to: start)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        if let host { call.lastProgress = host.now }
        if call.isAboveLowWater, call.outbound.byteCount < configuration.limits.lowWaterBytes {
            call.isAboveLowWater = false
            drained.append(call)
        }
        return 0
    }

    func sentFrame(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = unsafe frame.pointee.hd
        let type = UInt32(head.type)
        if type == NGHTTP2_GOAWAY.rawValue { sentGoAway() }
        guard type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue else { return }
        keepalive.sentHeadersOrData()
        // Answered before the client ended its side: it need not go on (RFC 9113 section 8.1).
        if head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
            unsafe nghttp2_session_get_stream_remote_close(session, head.stream_id) == 0
        {
            reset(head.stream_id, NGHTTP2_NO_ERROR)
        }
    }

    // What calls ask for.

    /// A message was queued: the response begins, or its stream is woken.
    func queued(_ call: GRPCCall, bytes: Int) {
        unsentBytes += bytes
        if call.outbound.byteCount >= configuration.limits.lowWaterBytes { call.isAboveLowWater = true }
        if call.outbound.sourceCount > 0, let host {
            if call.outbound.sourceCount == 1 { call.lastProgress = host.now }
            host.wake(at: host.now + configuration.limits.stallTimeout)
        }
        if call.phase == .silent { call.begin() } else { resume(call) }
    }

    private func resume(_ call: GRPCCall) {
        if call.isDeferred {
            call.isDeferred = false
            must(unsafe nghttp2_session_resume_data(session, call.streamID))
        }
        host?.requestFlush()
    }

    func submitResponse(_ call: GRPCCall) {
        var provider = unsafe nghttp2_data_provider(
            source: nghttp2_data_source(ptr: nil), read_callback: onReadOutbound)
        must(
            unsafe nghttp2_submit_response(
                session, call.streamID, library.responseHeaders, library.responseHeaders.count, &provider))
        host?.requestFlush()
    }

    /// The status follows what is queued, as trailers.
    func submitStatus(_ call: GRPCCall, _ status: GRPCStatus) {
        call.status = status
        resume(call)
    }

    func submitTrailersOnly(_ call: GRPCCall, _ status: GRPCStatus) {
        submitRefusal(call.streamID, 200, status)
    }

    private func submitTrailers(_ streamID: Int32, _ status: GRPCStatus) {
        if status == .ok {
            must(
                unsafe nghttp2_submit_trailer(session, streamID, library.okTrailers, library.okTrailers.count)
            )
            return
        }
        unsafe withFields(status) { fields in
            must(unsafe nghttp2_submit_trailer(session, streamID, fields.baseAddress, fields.count))
        }
    }

    /// A response without a message: everything in one HEADERS frame that ends the stream.
    func submitRefusal(_ streamID: Int32, _ httpStatus: Int, _ status: GRPCStatus) {
        let number = Array(String(httpStatus).utf8)
        unsafe number.withUnsafeBufferPointer { number in
            unsafe withFields(status) { fields in
                var all = unsafe [
                    HTTP2Library.field(":status", number), library.responseHeaders[1],
                ]
                unsafe all.append(contentsOf: fields)
                must(unsafe nghttp2_submit_response(session, streamID, all, all.count, nil))
            }
        }
        host?.requestFlush()
    }

    private func withFields(_ status: GRPCStatus, _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
        let code = Array(String(status.code.rawValue).utf8)
        let message = status.encodedMessage
        unsafe code.withUnsafeBufferPointer { code in
            unsafe message.withUnsafeBufferPointer { message in
                var fields = unsafe [HTTP2Library.field("grpc-status", code)]
                if !message.isEmpty { unsafe fields.append(HTTP2Library.field("grpc-message", message)) }
                unsafe fields.withUnsafeBufferPointer { unsafe body($0) }
            }
        }
    }
}
