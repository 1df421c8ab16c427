import CNgHTTP2
import Net
import Synchronization

/// The server side of one HTTP/2 connection: bytes in, calls out, and back. No socket, no clock.
///
///     receive(bytes) ─▶ nghttp2 ─▶ HEADERS: GRPCCall ─▶ application ─▶ send, finish
///     produce(into:) ◀─ nghttp2 ◀─ offerData, writeData ◀─ call.outbound
///
/// Output is pulled: a call's bytes leave its queue only when the connection has room for a write and
/// the client's windows take them. DATA is written straight from the queue into the connection's write
/// buffer (nghttp2's NO_COPY), so a message is copied once on its way out.
///
/// Invariants:
/// 1. `calls[call.position] === call` for every call whose stream nghttp2 still has.
/// 2. `partialBytes` and `unsentBytes` are the sums over `calls` of what they hold.
@safe final class HTTP2Session {
    private static let count = Atomic<UInt64>(0)

    let number = HTTP2Session.count.add(1, ordering: .relaxed).newValue & 0xffff_ffff
    let configuration: HTTPConfiguration
    let library: HTTP2Library
    private(set) var host: (any SessionHost)?
    private let application: any GRPCApplication
    /// nghttp2's object; ours from init to deinit.
    let session: OpaquePointer
    var calls: [GRPCCall] = []
    var keepalive: Keepalive
    let headers: RequestHeaders
    /// The metadata of the last call, whose array equal ones share.
    private var sharedMetadata: [UInt8] = []
    var partialBytes = 0
    var unsentBytes = 0
    var output = OutputCursor()
    var drained: [GRPCCall] = []
    /// SETTINGS have come: the client speaks HTTP/2.
    private(set) var isEstablished = false
    private var isDraining = false
    private var hasDrainPing = false

    init(
        configuration: HTTPConfiguration, library: HTTP2Library, application: any GRPCApplication,
        host: any SessionHost
    ) {
        self.configuration = configuration
        self.library = library
        self.application = application
        self.host = host
        keepalive = Keepalive(now: host.now)
        headers = RequestHeaders(configuration)
        var made: OpaquePointer?
        // The user pointer is set below, when self is whole; nothing calls back before bytes arrive.
        let result = unsafe nghttp2_session_server_new2(&made, library.callbacks, nil, library.options)
        guard result == 0, let session = unsafe made else { preconditionFailure("no memory for a session") }
        unsafe self.session = session
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        greet()
    }

    deinit { unsafe nghttp2_session_del(session) }

    var peerDescription: String { host?.peerDescription ?? "" }
    private var limits: HTTPLimits { configuration.limits }

    private func greet() {
        let settings = [
            setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrentStreamsMax),
            setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(limits.windowBytes)),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerListBytesMax)),
        ]
        must(
            unsafe nghttp2_submit_settings(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count))
        must(
            unsafe nghttp2_session_set_local_window_size(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, limits.windowBytes))
        host?.requestFlush()
        if let host { host.wake(at: host.now + limits.keepaliveInterval) }
    }

    private func setting(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    /// Takes bytes off the wire.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let host else { return }
        keepalive.received(host.now)
        let count = unsafe nghttp2_session_mem_recv(
            session, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        // Negative: no HTTP/2 preface, a flood beyond its bound, or no memory. What nghttp2 can answer
        // (GOAWAY) is no error here: it is queued as output.
        if count < 0 { return host.close() }
        settle()
    }

    /// Asks for a flush when there is output, and for the end when nothing can follow.
    private func settle() {
        if unsafe nghttp2_session_want_write(session) != 0 {
            host?.requestFlush()
        } else if unsafe nghttp2_session_want_read(session) == 0 {
            host?.closeWhenFlushed()
        }
    }

    /// The connection is gone: every call that was open is cancelled.
    func closed() {
        let ended = calls
        calls = []
        host = nil
        for call in ended { end(call) }
        partialBytes = 0
        unsentBytes = 0
    }

    /// Takes no new calls; those that are open finish, then the connection closes. A first GOAWAY names
    /// no stream, so calls already on their way are still taken; the final one follows the client's
    /// answer to a ping sent behind it (RFC 9113 section 6.8).
    func drain() {
        if isDraining { return }
        isDraining = true
        must(unsafe nghttp2_submit_shutdown_notice(session))
        host?.requestFlush()
    }

    /// The first GOAWAY of a drain has left; nghttp2 would send a ping ahead of one still queued.
    func sentGoAway() {
        if isDraining, !hasDrainPing {
            hasDrainPing = true
            submitPing()
        }
    }

    func submitPing() {
        must(unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil))
    }

    // Frames, as the callbacks hand them on.

    func beganHeaders(_ frame: UnsafePointer<nghttp2_frame>) {
        if unsafe isRequest(frame) { headers.reset() }
    }

    private func isRequest(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue)
            && frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
    }

    func receivedHeader(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> Int32 {
        guard unsafe isRequest(frame) else { return 0 }
        let fits = unsafe headers.add(name, value, configuration)
        return fits ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue  // resets the stream
    }

    func receivedFrame(_ frame: UnsafePointer<nghttp2_frame>) {
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
        } else if keepalive.receivedPing(host.now, hasCalls: !calls.isEmpty, limits) {
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
        if calls.count >= limits.openCallsMax { return reset(streamID, NGHTTP2_REFUSED_STREAM) }
        if unsentBytes > limits.unsentBytesMax {
            let text = "too many bytes of replies are not read by the client"
            return submitRefusal(streamID, 200, GRPCStatus(.resourceExhausted, text))
        }
        let call = GRPCCall(
            session: self, streamID: streamID, request: headers,
            metadata: headers.metadata(sharing: &sharedMetadata),
            deadline: headers.timeout.map { host.now + $0 })
        call.position = calls.count
        calls.append(call)
        must(
            unsafe nghttp2_session_set_stream_user_data(
                session, streamID, Unmanaged.passUnretained(call).toOpaque()))
        application.opened(call)
        if let deadline = call.deadline, call.isOpen { host.wake(at: deadline) }
    }

    func call(_ streamID: Int32) -> GRPCCall? {
        guard let pointer = unsafe nghttp2_session_get_stream_user_data(session, streamID) else { return nil }
        return unsafe Unmanaged<GRPCCall>.fromOpaque(pointer).takeUnretainedValue()
    }

    private func halfClose(_ streamID: Int32) {
        guard let call = call(streamID), call.isOpen else { return }
        if call.assembler.isBetweenMessages {
            call.handler?.halfClosed(call)
        } else {
            abort(call, GRPCStatus(.internal, "unexpected EOF"))
        }
    }

    /// Ends a call from our side and tells its handler.
    func abort(_ call: GRPCCall, _ status: GRPCStatus) {
        let handler = call.handler
        call.finish(status)
        handler?.cancelled(call)
    }

    func reset(_ streamID: Int32, _ code: nghttp2_error_code) {
        must(
            unsafe nghttp2_submit_rst_stream(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), streamID, code.rawValue))
        host?.requestFlush()
    }

    func streamClosed(_ streamID: Int32) {
        guard let call = call(streamID) else { return }
        let last = calls.removeLast()
        if last !== call {
            last.position = call.position
            calls[call.position] = last
        }
        end(call)
    }

    /// The stream is gone: lets go of what the call holds, and tells a handler that still listens.
    private func end(_ call: GRPCCall) {
        unsentBytes -= call.outbound.heldBytes
        partialBytes -= call.assembler.heldBytes
        call.outbound.removeAll()
        call.session = nil
        let handler = call.handler
        call.handler = nil
        call.phase = .finished
        handler?.cancelled(call)
    }
}

/// A call to nghttp2 that fails only for lack of memory or by our own mistake.
func must(_ result: Int32) {
    precondition(result >= 0, "nghttp2 refuses what it must accept")
}
