import Net

/// Who hears of a call's answer. All calls come on the loop's thread; after `ended` no more.
package protocol GRPCResponseHandler: AnyObject {
    /// One whole message; the bytes are borrowed from the network buffer.
    func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan)
    /// How the call ended, by whichever side; the last callback, and it always comes.
    func ended(_ call: GRPCClientCall, _ status: GRPCStatus)
    /// `call.queuedBytes` fell below `HTTPLimits.lowWaterBytes`, having been at or above it: send more.
    func drained(_ call: GRPCClientCall)
}

extension GRPCResponseHandler {
    package func drained(_ call: GRPCClientCall) {}
}

/// One call to a server, from the asking side.
///
///     new ──begin──▶ asking ──halfClose──▶ asked ──trailers, reset, connection lost──▶ ended
///      └──────┬─────────┴──────────────────trailers, reset, deadline, cancel──────────────▲
///             └ messages may be queued before `GRPCClientConnection.begin`
///
/// A call belongs to its event loop's thread. Once ended, every verb is without effect.
package final class GRPCClientCall: HTTP2Stream {
    /// Whatever the caller wants to find again in the answer.
    package let tag: Int
    let headers: GRPCRequestHeaders
    let deadline: MonotonicTime?
    private var handler: (any GRPCResponseHandler)?
    /// There while the stream is.
    private var session: HTTP2ClientSession?
    /// The call is in `HTTP2ClientSession`'s queue of those that the server has no room for.
    var isWaiting = false
    /// The response has begun: another header block is its trailers.
    private var hasResponse = false
    /// How the call ended, from the trailers or by ourselves.
    private var status: GRPCStatus?

    package init(
        _ headers: GRPCRequestHeaders, tag: Int = 0, deadline: MonotonicTime? = nil,
        _ handler: any GRPCResponseHandler
    ) {
        self.tag = tag
        self.headers = headers
        self.deadline = deadline
        self.handler = handler
        super.init(streamID: 0, assembler: MessageAssembler(isCompressionNegotiated: false))
    }

    /// Queues one message.
    package func send(_ message: [UInt8]) {
        guard isOpen, !isOutputWhole else { return }
        outbound.append(message)
        session?.queued(self, bytes: message.count)
    }

    /// Says that no message follows what is queued.
    package func halfClose() {
        guard isOpen, !isOutputWhole else { return }
        isOutputWhole = true
        session?.resume(self)
    }

    /// Ends the call: the handler hears `ended` with code 1, as soon as the stream has gone.
    package func cancel() { abort(GRPCStatus(.cancelled, "context canceled")) }

    /// Ends a call that has not begun, because it cannot.
    package func fail(_ status: GRPCStatus) { abort(status) }

    // What the session tells.

    func began(_ session: HTTP2ClientSession) {
        precondition(self.session == nil && streamID == 0, "a call begins once")
        self.session = session
        owesHead = true
    }

    /// A header block has come, or the end of the stream without one.
    func received(_ block: GRPCResponseHeaders, endsStream: Bool) {
        if block.isInterim { return }
        if let status = block.status(isFirst: !hasResponse, endsStream: endsStream) {
            if self.status == nil { self.status = status }
            if endsStream { isOpen = false } else { abort(status) }
        }
        hasResponse = true
    }

    override func received(_ message: borrowing RawSpan) { handler?.message(self, message) }

    override func drained() { handler?.drained(self) }

    override func abort(_ status: GRPCStatus) {
        guard isOpen else { return }
        isOpen = false
        if self.status == nil { self.status = status }
        if let session { session.cancel(self) } else { ended { status } }
    }

    /// The stream is gone; `otherwise` is how, where no trailers said.
    func ended(otherwise: () -> GRPCStatus) {
        session = nil
        isOpen = false
        let handler = handler
        self.handler = nil
        handler?.ended(self, status ?? otherwise())
    }
}
