import CNgHTTP2
import Net
import Synchronization

/// The server side of one HTTP/2 connection: requests in, calls out, and back.
@safe package final class HTTP2ServerSession: HTTP2Session {
    private static let count = Atomic<UInt64>(0)

    let number = HTTP2ServerSession.count.add(1, ordering: .relaxed).newValue & 0xffff_ffff
    let configuration: HTTPConfiguration
    private let application: any GRPCApplication
    private let headers: RequestHeaders
    /// The metadata of the last call, whose array equal ones share.
    private var sharedMetadata: [UInt8] = []
    /// SETTINGS have come: the client speaks HTTP/2.
    private(set) var isEstablished = false
    private var isDraining = false
    private var hasDrainPing = false

    /// A connection just accepted; its first output is there at once. `host` is kept until `closed`.
    package init(
        configuration: HTTPConfiguration, library: HTTP2Library, application: any GRPCApplication,
        host: any SessionHost
    ) {
        self.configuration = configuration
        self.application = application
        headers = RequestHeaders(configuration)
        let limits = library.limits
        super.init(
            .server, library: library, host: host,
            settings: [
                (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrentStreamsMax),
                (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(limits.windowBytes)),
                (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerListBytesMax)),
            ])
    }

    /// Takes no new calls; those that are open finish, then the connection closes. A first GOAWAY names
    /// no stream, so calls already on their way are still taken; the final one follows the client's
    /// answer to a ping sent behind it (RFC 9113 section 6.8).
    func drain() {
        if isDraining { return }
        isDraining = true
        must(unsafe nghttp2_submit_shutdown_notice(session))
        requestFlush()
    }

    /// The first GOAWAY of a drain has left; nghttp2 would send a ping ahead of one still queued.
    func sentGoAway() {
        if isDraining, !hasDrainPing {
            hasDrainPing = true
            submitPing()
        }
    }

    // Frames, as the callbacks hand them on.

    override func beganHeaders(_ frame: UnsafePointer<nghttp2_frame>) {
        if unsafe isRequest(frame) { headers.reset() }
    }

    private func isRequest(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue)
            && frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
    }

    override func receivedHeader(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> Int32 {
        guard unsafe isRequest(frame) else { return 0 }
        let fits = unsafe headers.add(name, value, configuration)
        return fits ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue  // resets the stream
    }

    override func receivedFrame(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = unsafe frame.pointee.hd
        let hasEnded = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue:
            if unsafe isRequest(frame) { open(head.stream_id) }
            if hasEnded { halfClose(head.stream_id) }
        case NGHTTP2_DATA.rawValue:
            if hasEnded { halfClose(head.stream_id) }
        case NGHTTP2_SETTINGS.rawValue:
            isEstablished = true
        case NGHTTP2_PING.rawValue:
            receivedPing(isAcknowledgement: head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0)
        default: break
        }
    }

    private func receivedPing(isAcknowledgement: Bool) {
        guard let host else { return }
        if isAcknowledgement {
            if hasDrainPing { submitGoAway(NGHTTP2_NO_ERROR, "") }
        } else if keepalive.receivedPing(host.now, hasCalls: !streams.isEmpty, limits) {
            submitGoAway(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings")
            host.closeWhenFlushed()
        }
    }

    private func submitGoAway(_ code: nghttp2_error_code, _ text: StaticString) {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        must(
            unsafe nghttp2_submit_goaway(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, text.utf8Start,
                text.utf8CodeUnitCount))
    }

    private func open(_ streamID: Int32) {
        guard let host else { return }
        switch headers.refusal {
        case .reset: return reset(streamID, NGHTTP2_PROTOCOL_ERROR)
        case .response(let httpStatus, let status): return submitRefusal(streamID, httpStatus, status)
        case nil: break
        }
        if streams.count >= limits.openCallsMax { return reset(streamID, NGHTTP2_REFUSED_STREAM) }
        if unsentBytes > limits.unsentBytesMax {
            let text = "too many bytes of replies are not read by the client"
            return submitRefusal(streamID, 200, GRPCStatus(.resourceExhausted, text))
        }
        let call = GRPCCall(
            session: self, streamID: streamID, request: headers,
            metadata: headers.metadata(sharing: &sharedMetadata),
            deadline: headers.timeout.map { host.now + $0 })
        list(call)
        must(
            unsafe nghttp2_session_set_stream_user_data(
                session, streamID, Unmanaged.passUnretained(call).toOpaque()))
        application.opened(call)
        if let deadline = call.deadline, call.isOpen { host.wake(at: deadline) }
    }

    private func call(_ streamID: Int32) -> GRPCCall? {
        // Every stream of a server's session is made by `open`.
        stream(streamID).map { unsafe unsafeDowncast($0, to: GRPCCall.self) }
    }

    private func halfClose(_ streamID: Int32) {
        guard let call = call(streamID), call.isOpen else { return }
        if call.assembler.isBetweenMessages {
            call.handler?.halfClosed(call)
        } else {
            call.abort(GRPCStatus(.internal, "unexpected EOF"))
        }
    }

    override func ended(_ stream: HTTP2Stream, _ code: UInt32?) {
        unsafe unsafeDowncast(stream, to: GRPCCall.self).ended()
    }

    // What calls have to say.

    /// A message was queued: the response begins, or its stream is woken.
    func queued(_ call: GRPCCall, bytes: Int) {
        count(call, bytes: bytes)
        if call.hasBegun { resume(call) } else { call.begin() }
    }

    override func endOutput(_ stream: HTTP2Stream, _ flags: inout UInt32) {
        guard let status = unsafe unsafeDowncast(stream, to: GRPCCall.self).status else { return }
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        submitTrailers(stream.streamID, status)
    }

    override func sentFrame(_ frame: UnsafePointer<nghttp2_frame>) {
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

    // What time does to a call.

    override func review(_ stream: HTTP2Stream, _ now: MonotonicTime) -> MonotonicTime? {
        let call = unsafe unsafeDowncast(stream, to: GRPCCall.self)
        let (deadline, patience) = (expire(call, now), cutOff(call, now))
        guard let deadline, let patience else { return deadline ?? patience }
        return min(deadline, patience)
    }

    /// Ends a call whose client has stopped waiting; otherwise answers when that will be.
    private func expire(_ call: GRPCCall, _ now: MonotonicTime) -> MonotonicTime? {
        guard call.isOpen, let deadline = call.deadline else { return nil }
        if now < deadline { return deadline }
        unsentBytes -= call.outbound.heldBytes
        call.outbound.removeAll()
        call.abort(.deadlineExceeded)
        return nil
    }

    /// Resets a stream whose client takes nothing of a message source, which holds pages of the
    /// database; otherwise answers when that will be.
    private func cutOff(_ call: GRPCCall, _ now: MonotonicTime) -> MonotonicTime? {
        guard call.outbound.sourceCount > 0 else { return nil }
        let deadline = call.lastProgress + limits.stallTimeout
        if now < deadline { return deadline }
        reset(call.streamID, NGHTTP2_CANCEL)  // the stream's close releases the source and tells
        return nil
    }
}
