import CNgHTTP2
import Net

/// The client side of one HTTP/2 connection: calls out, answers in, and back.
///
/// nghttp2 keeps calls beyond the server's SETTINGS_MAX_CONCURRENT_STREAMS until others have ended. After a
/// GOAWAY no call begins; those the server has taken finish, then the connection closes.
@safe final class HTTP2ClientSession: HTTP2Session {
    private var block = GRPCResponseHeaders()
    /// nghttp2 has no stream number left (2^30 calls), and the connection goes the way of a GOAWAY.
    private var isExhausted = false
    /// The server has greeted with its SETTINGS.
    private var isGreeted = false
    /// What calls are told that the end of the connection leaves unanswered.
    private var lossText = "error reading from server: EOF"

    init(library: HTTP2Library, host: any SessionHost) {
        let limits = library.limits
        super.init(
            .client, library: library, host: host,
            settings: [
                (NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
                (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(limits.windowBytes)),
                (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerListBytesMax)),
            ])
    }

    /// False when a new call must go to another connection.
    var acceptsCalls: Bool {
        host != nil && !isExhausted && (unsafe nghttp2_session_check_request_allowed(session)) != 0
    }

    /// Begins a call; false when this connection takes no more.
    func begin(_ call: GRPCClientCall) -> Bool {
        guard acceptsCalls, let host else { return false }
        var provider = unsafe provider(call)
        let fields = unsafe call.headers.fields
        let streamID = unsafe nghttp2_submit_request(
            session, nil, fields, fields.count, &provider, Unmanaged.passUnretained(call).toOpaque())
        if streamID == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE.rawValue {
            isExhausted = true
            return false
        }
        must(streamID)
        call.began(self, streamID)
        list(call)
        if !call.outbound.isEmpty || call.isOutputWhole { count(call, bytes: call.outbound.heldBytes) }
        if let deadline = call.deadline { host.wake(at: deadline) }
        host.requestFlush()
        return true
    }

    /// Says why the connection is about to end. Texts: grpc-go's http2_client.go (NewHTTP2Client, reader).
    func failed(_ reason: String) {
        lossText =
            isGreeted
            ? "error reading from server: \(reason)"
            : "connection error: desc = \"error reading server preface: \(reason)\""
    }

    // What calls ask for.

    /// A message was queued.
    func queued(_ call: GRPCClientCall, bytes: Int) {
        count(call, bytes: bytes)
        resume(call)
    }

    func cancel(_ call: GRPCClientCall) { reset(call.streamID, NGHTTP2_CANCEL) }

    // Frames, as the callbacks hand them on.

    override func beganHeaders(_ frame: UnsafePointer<nghttp2_frame>) { block = GRPCResponseHeaders() }

    override func receivedHeader(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> Int32 {
        let fits = unsafe block.add(name, value, bytesMax: limits.headerListBytesMax)
        return fits ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue  // resets the stream
    }

    override func receivedFrame(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = unsafe frame.pointee.hd
        if head.type == UInt8(NGHTTP2_SETTINGS.rawValue) { isGreeted = true }
        let endsStream = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let type = UInt32(head.type)
        guard type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue && endsStream,
            let call = call(head.stream_id)
        else { return }
        if type == NGHTTP2_HEADERS.rawValue {
            call.received(block, endsStream: endsStream)
        } else {
            call.received(GRPCResponseHeaders(), endsStream: true)
        }
        // Answered before we ended our side: nobody reads what we still had to say.
        if endsStream, unsafe nghttp2_session_get_stream_local_close(session, head.stream_id) == 0 {
            reset(head.stream_id, NGHTTP2_CANCEL)
        }
    }

    private func call(_ streamID: Int32) -> GRPCClientCall? {
        // Every stream of a client's session is begun by `begin`.
        stream(streamID).map { unsafe unsafeDowncast($0, to: GRPCClientCall.self) }
    }

    override func ended(_ stream: HTTP2Stream, _ code: UInt32?) {
        unsafe unsafeDowncast(stream, to: GRPCClientCall.self).ended { status(code) }
    }

    override func review(_ stream: HTTP2Stream, _ now: MonotonicTime) -> MonotonicTime? {
        let call = unsafe unsafeDowncast(stream, to: GRPCClientCall.self)
        guard call.isOpen, let deadline = call.deadline else { return nil }
        if now < deadline { return deadline }
        call.abort(.deadlineExceeded)
        return nil
    }

    /// What a stream without trailers means. Source: grpc-go's http2_client.go and http_util.go.
    private func status(_ code: UInt32?) -> GRPCStatus {
        guard let code else { return GRPCStatus(.unavailable, lossText) }
        let name = unsafe String(cString: nghttp2_http2_strerror(code))
        let text = "stream terminated by RST_STREAM with error code: \(name)"
        return switch code {
        case NGHTTP2_REFUSED_STREAM.rawValue: GRPCStatus(.unavailable, text)
        case NGHTTP2_CANCEL.rawValue: GRPCStatus(.cancelled, text)
        case NGHTTP2_ENHANCE_YOUR_CALM.rawValue, NGHTTP2_FLOW_CONTROL_ERROR.rawValue:
            GRPCStatus(.resourceExhausted, text)
        case NGHTTP2_INADEQUATE_SECURITY.rawValue: GRPCStatus(.permissionDenied, text)
        default: GRPCStatus(.internal, text)
        }
    }
}
