import CNgHTTP2
import CPlatform
import Net

/// One side of an HTTP/2 connection: bytes in, messages out, and back. No socket, no clock. What a server and
/// a client do differently stands in `HTTP2ServerSession` and `HTTP2ClientSession`.
///
///     receive(bytes) ─▶ nghttp2 ─▶ HEADERS, DATA ─▶ a stream's verbs
///     produce(into:) ◀─ nghttp2 ◀─ offerData, writeData ◀─ a stream's `outbound`
///
/// Output is pulled: a stream's bytes leave its queue only when the connection has room for a write and
/// the other side's windows take them. DATA is written straight from the queue into the connection's write
/// buffer (nghttp2's NO_COPY), so a message is copied once on its way out.
///
/// Invariants:
/// 1. `streams[stream.position] === stream` for every stream of ours that nghttp2 still has.
/// 2. `partialBytes` and `unsentBytes` are the sums over `streams` of what they hold.
/// 3. A stream with bytes or an end that nghttp2 has not got is speaking, and `speakers` counts those: while
///    there are none, and nghttp2 has no other frames queued, there is nothing to say.
@safe package class HTTP2Session {
    enum Side { case server, client }

    // What every message touches stands together: one message for each of many clients finds all of it
    // outside of the caches.
    private(set) final var host: (any SessionHost)?
    /// nghttp2's object; ours from init to deinit.
    final let session: OpaquePointer
    final let library: HTTP2Library
    final var unsentBytes = 0
    /// How many streams are speaking (`HTTP2Stream.isSpeaking`).
    private final var speakers = 0
    final var output = OutputCursor()
    final var drained: [HTTP2Stream] = []
    /// See `ByteMachine`.
    package final internal(set) var isSilent = false
    /// The stream found last: its HEADERS, DATA and trailers mostly come one behind the other. Not
    /// retained; emptied when nghttp2 closes it, which is while `streams` still holds it.
    private final var recent: (streamID: Int32, stream: Unmanaged<HTTP2Stream>)?
    final var keepalive: Keepalive
    final var streams: [HTTP2Stream] = []
    final var partialBytes = 0

    final var limits: HTTPLimits { library.limits }

    /// Greets with these SETTINGS and the connection's window.
    init(
        _ side: Side, library: HTTP2Library, host: any SessionHost,
        settings: [(id: nghttp2_settings_id, value: UInt32)]
    ) {
        self.library = library
        self.host = host
        keepalive = Keepalive(now: host.now)
        var made: OpaquePointer?
        // The user pointer is set below, when self is whole; nothing calls back before bytes arrive.
        let result =
            switch side {
            case .server: unsafe nghttp2_session_server_new2(&made, library.callbacks, nil, library.options)
            case .client: unsafe nghttp2_session_client_new2(&made, library.callbacks, nil, library.options)
            }
        guard result == 0, let session = unsafe made else { preconditionFailure("no memory for a session") }
        unsafe self.session = session
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        greet(settings.map { nghttp2_settings_entry(settings_id: Int32($0.id.rawValue), value: $0.value) })
    }

    deinit { unsafe nghttp2_session_del(session) }

    final var peerDescription: String { host?.peerDescription ?? "" }

    private func greet(_ settings: [nghttp2_settings_entry]) {
        must(
            unsafe nghttp2_submit_settings(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count))
        must(
            unsafe nghttp2_session_set_local_window_size(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, limits.windowBytes))
        requestFlush()
        if let host { host.wake(at: host.now + limits.keepaliveInterval) }
    }

    /// Takes bytes off the wire.
    package final func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let host else { return }
        keepalive.received(host.now)
        let count = unsafe nghttp2_session_mem_recv(
            session, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        // Negative: no HTTP/2, a flood beyond its bound, or no memory. What nghttp2 can answer
        // (GOAWAY) is no error here: it is queued as output.
        if count < 0 { return host.close() }
        settle()
    }

    final func requestFlush() {
        // Taken out meanwhile, so that no reference is counted.
        guard let host = host.take() else { return }
        host.requestFlush()
        self.host = consume host
    }

    /// Asks for a flush when there is output, and for the end when nothing can follow.
    private func settle() {
        if hasOutput { requestFlush() } else if !isAlive { host?.closeWhenFlushed() }
    }

    /// There may be something to say. Unlike nghttp2's own answer, which is yes for every stream that is not
    /// deferred (`offerData`).
    final var hasOutput: Bool {
        unsafe speakers > 0 || nghttp2_session_get_outbound_queue_size(session) > 0
    }

    /// Something may still follow, from this side or the other.
    final var isAlive: Bool {
        unsafe nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0
    }

    /// The stream has bytes or an end for nghttp2.
    final func beginsToSpeak(_ stream: HTTP2Stream) {
        if stream.isSpeaking { return }
        // What comes next for this connection is the end of the pass, with nghttp2.
        if speakers == 0 { prefetchLibrary() }
        stream.isSpeaking = true
        speakers += 1
    }

    /// Asks for what nghttp2 touches of its object (1.52, seen under valgrind) to send DATA: streams, queues
    /// and the frame under way, and behind the tables of HPACK its callbacks and windows. With a message to
    /// each of 100 connections, waiting for this memory was 4 % of the loop's time on a busy host.
    private func prefetchLibrary() {
        let start = unsafe UnsafeRawPointer(session)
        unsafe platform_prefetch(start, 384)
        unsafe platform_prefetch(start + 640, 128)
        unsafe platform_prefetch(start + 2368, 560)
    }

    /// nghttp2 has got all of it.
    final func hasSpoken(_ stream: HTTP2Stream) {
        guard stream.isSpeaking else { return }
        stream.isSpeaking = false
        speakers -= 1
    }

    /// The connection is gone: every stream that was open has ended.
    final func closed() {
        let ended = streams
        streams = []
        unsafe recent = nil
        host = nil
        for stream in ended { end(stream, nil) }
        partialBytes = 0
        unsentBytes = 0
        speakers = 0
    }

    final func submitPing() {
        must(unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil))
    }

    final func reset(_ streamID: Int32, _ code: nghttp2_error_code) {
        must(
            unsafe nghttp2_submit_rst_stream(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), streamID, code.rawValue))
        requestFlush()
    }

    final func stream(_ streamID: Int32) -> HTTP2Stream? {
        if let recent = unsafe recent, unsafe recent.streamID == streamID {
            return unsafe recent.stream.takeUnretainedValue()
        }
        guard let pointer = unsafe nghttp2_session_get_stream_user_data(session, streamID) else { return nil }
        let found = unsafe Unmanaged<HTTP2Stream>.fromOpaque(pointer)
        unsafe recent = (streamID, found)
        return unsafe found.takeUnretainedValue()
    }

    /// Where DATA of a stream comes from; nghttp2 hands the stream back to the callbacks, without a
    /// search for it.
    final func provider(_ stream: HTTP2Stream) -> nghttp2_data_provider {
        unsafe nghttp2_data_provider(
            source: nghttp2_data_source(ptr: Unmanaged.passUnretained(stream).toOpaque()),
            read_callback: onReadOutbound)
    }

    /// Holds the stream until nghttp2 has closed it.
    final func list(_ stream: HTTP2Stream) {
        stream.position = streams.count
        stream.isListed = true
        streams.append(stream)
    }

    final func streamClosed(_ streamID: Int32, _ code: UInt32) {
        guard let stream = stream(streamID) else { return }
        unsafe recent = nil
        let last = streams.removeLast()
        if last !== stream {
            last.position = stream.position
            streams[stream.position] = last
        }
        end(stream, code)
    }

    /// The stream is gone: lets go of what it holds, and tells whoever still listens.
    private func end(_ stream: HTTP2Stream, _ code: UInt32?) {
        unsentBytes -= stream.outbound.heldBytes
        partialBytes -= stream.assembler.heldBytes
        stream.outbound.removeAll()
        hasSpoken(stream)
        stream.isListed = false
        ended(stream, code)
    }

    // What a side does with frames; by default nothing.

    func beganHeaders(_ frame: UnsafePointer<nghttp2_frame>) {}

    /// One field of a header block; nghttp2's error resets the stream.
    func receivedHeader(
        _ frame: UnsafePointer<nghttp2_frame>, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> Int32 { 0 }

    /// A whole frame; a header block counts as one, and DATA has been delivered already.
    func receivedFrame(_ frame: UnsafePointer<nghttp2_frame>) {}

    func sentFrame(_ frame: UnsafePointer<nghttp2_frame>) {}

    /// The last bytes of `outbound` are on their way: what follows them. Not called for a stream without any.
    func endOutput(_ stream: HTTP2Stream, _ flags: inout UInt32) {}

    /// The stream is closed with this code of RFC 9113 section 7, or with its connection (nil).
    func ended(_ stream: HTTP2Stream, _ code: UInt32?) {}

    /// What time does to a stream: acts on it, or answers when to look again.
    func review(_ stream: HTTP2Stream, _ now: MonotonicTime) -> MonotonicTime? { nil }
}

/// A call to nghttp2 that fails only for lack of memory or by our own mistake.
func must(_ result: Int32) {
    precondition(result >= 0, "nghttp2 refuses what it must accept")
}
