import HPACK
import Net

/// The client side of one HTTP/2 connection: calls out, answers in, and back.
///
/// Calls beyond the server's SETTINGS_MAX_CONCURRENT_STREAMS wait until others have ended. After a GOAWAY no
/// call begins; those the server has taken finish, then the connection closes.
@safe final class HTTP2ClientSession: HTTP2Session {
    /// What a server allows is not known before its SETTINGS; RFC 9113 section 6.5.2 recommends as many.
    private static let streamsAtFirst = 100

    private var nextStreamID: Int32 = 1
    /// Streams that have a number and are not closed.
    private var begunCount = 0
    private var begunMax = streamsAtFirst
    /// Calls that wait for others to end, in their order.
    private var waiting = HTTP2StreamQueue()
    /// What calls are told that the end of the connection leaves unanswered.
    private var lossText = "error reading from server: EOF"

    init(limits: HTTPLimits, host: any SessionHost) {
        super.init(
            limits: limits, host: host,
            settings: [
                (.enablePush, 0), (.initialWindowSize, UInt32(limits.windowBytes)),
                (.headerListSizeMax, UInt32(limits.headerListBytesMax)),
            ])
    }

    override var preface: [UInt8] { Self.prefaceBytes }

    override var endsWithData: Bool { true }

    /// False when a new call must go to another connection; so too when the numbers are used up.
    var acceptsCalls: Bool { isListening && !hasGoneAway && nextStreamID < .max - 2 }

    /// Begins a call; false when this connection takes no more.
    func begin(_ call: GRPCClientCall) -> Bool {
        guard acceptsCalls, let host else { return false }
        call.began(self)
        list(call)
        if !call.outbound.isEmpty { count(call, bytes: call.outbound.heldBytes) }
        if let deadline = call.deadline { host.wake(at: deadline) }
        resume(call)
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

    func cancel(_ call: GRPCClientCall) { reset(call, .cancel) }

    /// A request leaves and gets its number, if the server takes one more and nobody waits for that longer.
    override func writeHead(_ stream: HTTP2Stream) -> Bool {
        if hasGoneAway || nextStreamID >= .max - 2 {
            close(stream, .refusedStream)
            return false
        }
        guard begunCount < begunMax else {
            if call(stream).isWaiting { return false }  // it had more to say meanwhile
            call(stream).isWaiting = true
            waiting.append(stream)
            return false
        }
        stream.owesHead = false
        stream.streamID = nextStreamID
        nextStreamID += 2
        begunCount += 1
        number(stream)
        writeHeaders(stream.streamID, call(stream).headers.list, endsStream: false)
        return true
    }

    /// Our END_STREAM, where no message was left to carry it.
    override func writeEnd(_ stream: HTTP2Stream) {
        control.append(HTTP2FrameHead(length: 0, .data, flags: HTTP2Flag.endStream, stream.streamID))
    }

    private func admitWaiting() {
        var room = begunMax - begunCount
        while room > 0, let stream = waiting.popFirst() {
            call(stream).isWaiting = false
            guard stream.isListed else { continue }
            beginsToSpeak(stream)
            room -= 1
        }
    }

    // What comes.

    override func isIdle(_ streamID: Int32) -> Bool { streamID >= nextStreamID || streamID & 1 == 0 }

    /// What SETTINGS do not name has no bound (RFC 9113 section 6.5.2); a Go server names none.
    override func greeted() {
        begunMax = .max
        admitWaiting()
    }

    override func received(_ setting: HTTP2Setting, _ value: UInt32) {
        begunMax = Int(value)
        admitWaiting()
    }

    override func receivedGoAway(last: Int32) {
        hasGoneAway = true
        for stream in streams where stream.streamID == 0 || stream.streamID > last {
            close(stream, .refusedStream)
        }
    }

    override func receivedHeaders(
        _ streamID: Int32, _ block: UnsafeRawBufferPointer, endsStream: Bool
    ) throws(HTTP2ConnectionError) {
        guard !isIdle(streamID) else { throw .init(.protocolError) }
        var headers = GRPCResponseHeaders()
        var isWithinBounds = true
        let bytesMax = limits.headerListBytesMax
        unsafe try decode(block) { name, value in
            isWithinBounds = unsafe isWithinBounds && headers.add(name, value, bytesMax: bytesMax)
        }
        guard let stream = stream(streamID), stream.resetCode == nil else { return }
        if stream.isRemoteClosed { return reset(stream, .streamClosed) }
        guard isWithinBounds else { return reset(stream, .internalError) }
        call(stream).received(headers, endsStream: endsStream)
        if endsStream { endInput(stream) }
    }

    override func inputEnded(_ stream: HTTP2Stream) {
        // Without trailers.
        if call(stream).isOpen { call(stream).received(GRPCResponseHeaders(), endsStream: true) }
        // Answered before we ended our side: nobody reads what we still had to say.
        if !stream.isLocalClosed { reset(stream, .cancel) }
    }

    /// Every stream of a client's session is begun by `begin`.
    private func call(_ stream: HTTP2Stream) -> GRPCClientCall {
        unsafe unsafeDowncast(stream, to: GRPCClientCall.self)
    }

    override func ended(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode?) {
        if stream.streamID != 0 { begunCount -= 1 }
        if host != nil { admitWaiting() }
        call(stream).ended { status(code) }
    }

    override func review(_ stream: HTTP2Stream, _ now: MonotonicTime) -> MonotonicTime? {
        let call = call(stream)
        guard call.isOpen, let deadline = call.deadline else { return nil }
        if now < deadline { return deadline }
        call.abort(.deadlineExceeded)
        return nil
    }

    /// What a stream without trailers means. Source: grpc-go's http2_client.go and http_util.go.
    private func status(_ code: HTTP2ErrorCode?) -> GRPCStatus {
        guard let code else { return GRPCStatus(.unavailable, lossText) }
        let text = "stream terminated by RST_STREAM with error code: \(code.name)"
        return switch code {
        case .refusedStream: GRPCStatus(.unavailable, text)
        case .cancel: GRPCStatus(.cancelled, text)
        case .enhanceYourCalm, .flowControlError: GRPCStatus(.resourceExhausted, text)
        case .inadequateSecurity: GRPCStatus(.permissionDenied, text)
        default: GRPCStatus(.internal, text)
        }
    }
}
