import HPACK
import Net
import Synchronization

/// The server side of one HTTP/2 connection: requests in, calls out, and back.
@safe package final class HTTP2ServerSession: HTTP2Session {
    private static let count = Atomic<UInt64>(0)
    /// Marks the ping behind a drain's first GOAWAY.
    private static let drainPing: UInt8 = 0
    /// A larger block is read anew each time.
    private static let repeatedBlockBytesMax = 256

    let number = HTTP2ServerSession.count.add(1, ordering: .relaxed).newValue & 0xffff_ffff
    let configuration: HTTPConfiguration
    private let application: any GRPCApplication
    private let headers: RequestHeaders
    /// The block that `headers` come from, and `decoder.tableChanges` behind it: as long as that is the same,
    /// the same bytes mean the same fields. Clients repeat themselves.
    private var lastBlock: [UInt8] = []
    private var lastTableChanges = -1
    /// The metadata of the last call, whose array equal ones share.
    private var sharedMetadata: [UInt8] = []
    private var resets: TokenBucket
    private var isDraining = false
    private var hasLastWord = false

    /// A connection just accepted; its first output is there at once. `host` is kept until `closed`.
    package init(
        configuration: HTTPConfiguration, application: any GRPCApplication, host: any SessionHost
    ) {
        self.configuration = configuration
        self.application = application
        headers = RequestHeaders(configuration)
        let limits = configuration.limits
        resets = TokenBucket(burst: limits.resetsBurst, perSecond: limits.resetsPerSecond, now: host.now)
        super.init(
            limits: limits, host: host,
            settings: [
                (.concurrentStreamsMax, limits.concurrentStreamsMax),
                (.initialWindowSize, UInt32(limits.windowBytes)),
                (.headerListSizeMax, UInt32(limits.headerListBytesMax)),
            ])
        input.prefaceLeft = Self.prefaceBytes.count
    }

    /// Takes no new calls; those that are open finish, then the connection closes. A first GOAWAY names
    /// no stream, so calls already on their way are still taken; the final one follows the client's
    /// answer to a ping sent behind it (RFC 9113 section 6.8).
    func drain() {
        if isDraining { return }
        isDraining = true
        appendGoAway(.max, .noError)
        submitPing(Self.drainPing)
    }

    /// Behind the last word no number is idle: streams may have begun before the client read it.
    override func isIdle(_ streamID: Int32) -> Bool {
        streamID & 1 == 0 || streamID > lastPeerStreamID && !hasLastWord
    }

    /// Streams that are begun and reset at once cost us more than the client (CVE-2023-44487, CVE-2025-8671).
    override func causedReset() throws(HTTP2ConnectionError) {
        guard let host, !resets.take(host.now) else { return }
        throw .init(.enhanceYourCalm)
    }

    override func receivedPing(isAcknowledgement: Bool, _ mark: UInt8) {
        guard let host else { return }
        if isAcknowledgement {
            guard isDraining, mark == Self.drainPing, !hasLastWord else { return }
            hasLastWord = true
            hasGoneAway = true
            appendGoAway(lastPeerStreamID, .noError)
        } else if keepalive.receivedPing(host.now, hasCalls: !streams.isEmpty, limits) {
            hasLastWord = true  // what follows is no call: the client may ask again elsewhere
            appendGoAway(lastPeerStreamID, .enhanceYourCalm, "too_many_pings")
            host.closeWhenFlushed()
        }
    }

    // Requests.

    override func receivedHeaders(
        _ streamID: Int32, _ block: UnsafeRawBufferPointer, endsStream: Bool
    ) throws(HTTP2ConnectionError) {
        guard streamID & 1 == 1 else { throw .init(.protocolError) }
        if streamID > lastPeerStreamID, !hasLastWord {
            lastPeerStreamID = streamID
            let isWithinBounds = unsafe try readRequest(block)
            if isWithinBounds {
                open(streamID, endsStream: endsStream)
            } else {
                appendReset(streamID, .internalError)
            }
            return try checkRefusals()
        }
        // Trailers, which mean nothing to us, or a stream that we have reset.
        unsafe try decode(block) { _, _ in }
        guard let stream = stream(streamID), stream.resetCode == nil else { return }
        if stream.isRemoteClosed { return try resetForMistake(stream, .streamClosed) }
        if endsStream { endInput(stream) }
    }

    /// A client that is refused again and again and does not read it is cut off.
    private func checkRefusals() throws(HTTP2ConnectionError) {
        if control.count <= limits.unsentRefusalBytesMax { return }
        host?.close()
        throw .init(.enhanceYourCalm)
    }

    /// Fills `headers`; false when the list is larger than its bound.
    private func readRequest(_ block: UnsafeRawBufferPointer) throws(HTTP2ConnectionError) -> Bool {
        if decoder.tableChanges == lastTableChanges, unsafe isEqual(block, lastBlock) { return true }
        headers.reset()
        lastTableChanges = -1
        let before = decoder.tableChanges
        var isWithinBounds = true
        unsafe try decode(block) { name, value in
            isWithinBounds = unsafe isWithinBounds && headers.add(name, value, configuration)
        }
        if isWithinBounds, decoder.tableChanges == before, block.count <= Self.repeatedBlockBytesMax {
            lastBlock.removeAll(keepingCapacity: true)
            unsafe lastBlock.append(contentsOf: block)
            lastTableChanges = before
        }
        return isWithinBounds
    }

    private func isEqual(_ block: UnsafeRawBufferPointer, _ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe HTTP.isEqual(block, $0) }
    }

    private func open(_ streamID: Int32, endsStream: Bool) {
        guard let host else { return }
        switch headers.refusal {
        case .reset: return appendReset(streamID, .protocolError)
        case .response(let httpStatus, let status):
            return refuse(streamID, httpStatus, status, hasEnded: endsStream)
        case nil: break
        }
        // As grpc-go does; the client may ask again, on another connection.
        if streams.count >= min(limits.openCallsMax, Int(limits.concurrentStreamsMax)) {
            return appendReset(streamID, .refusedStream)
        }
        if unsentBytes > limits.unsentBytesMax {
            let text = "too many bytes of replies are not read by the client"
            return refuse(streamID, 200, GRPCStatus(.resourceExhausted, text), hasEnded: endsStream)
        }
        let call = GRPCCall(
            session: self, streamID: streamID, request: headers,
            metadata: headers.metadata(sharing: &sharedMetadata),
            deadline: headers.timeout.map { host.now + $0 })
        list(call)
        application.opened(call)
        if let deadline = call.deadline, call.isOpen { host.wake(at: deadline) }
        if endsStream { endInput(call) }
    }

    override func inputEnded(_ stream: HTTP2Stream) {
        let call = call(stream)
        guard call.isOpen else { return }
        if call.assembler.isBetweenMessages {
            call.handler?.halfClosed(call)
        } else {
            call.abort(GRPCStatus(.internal, "unexpected EOF"))
        }
    }

    /// Every stream of a server's session is made by `open`.
    private func call(_ stream: HTTP2Stream) -> GRPCCall { unsafe unsafeDowncast(stream, to: GRPCCall.self) }

    override func ended(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode?) { call(stream).ended() }

    // Answers; what they are made of stands in `+Output`.

    override func writeHead(_ stream: HTTP2Stream) -> Bool {
        stream.owesHead = false
        writeHeaders(stream.streamID, Self.responseHeaders, endsStream: false)
        return true
    }

    override func writeEnd(_ stream: HTTP2Stream) { writeStatus(call(stream)) }

    /// Answered before the client ended its side: it need not go on (RFC 9113 section 8.1).
    override func outputEndedFirst(_ stream: HTTP2Stream) {
        appendReset(stream.streamID, .noError)
        close(stream, .noError)
    }

    // What time does to a call.

    override func review(_ stream: HTTP2Stream, _ now: MonotonicTime) -> MonotonicTime? {
        let call = call(stream)
        let (deadline, patience) = (expire(call, now), cutOff(call, now))
        guard let deadline, let patience else { return deadline ?? patience }
        return min(deadline, patience)
    }

    /// Ends a call whose client has stopped waiting; otherwise answers when that will be.
    private func expire(_ call: GRPCCall, _ now: MonotonicTime) -> MonotonicTime? {
        guard call.isOpen, let deadline = call.deadline else { return nil }
        if now < deadline { return deadline }
        dropOutput(call)
        call.abort(.deadlineExceeded)
        return nil
    }

    /// Resets a stream whose client takes nothing of a message source, which holds pages of the
    /// database; otherwise answers when that will be.
    private func cutOff(_ call: GRPCCall, _ now: MonotonicTime) -> MonotonicTime? {
        guard call.outbound.sourceCount > 0 else { return nil }
        let deadline = call.lastProgress + limits.stallTimeout
        if now < deadline { return deadline }
        dropOutput(call)  // releases the source: RST_STREAM leaves only when the client reads again
        reset(call, .cancel)  // the stream's close tells
        return nil
    }
}
