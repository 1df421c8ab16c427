import Net

/// One call of a client: what it asked, and the way back to it.
///
/// The life of the way back, driven by the application:
///
///     silent ──send, begin──▶ streaming ──finish──▶ finished
///       └───────finish (trailers only)──────────────────▲
///     silent, streaming ──reset, connection lost, deadline──▶ finished (the handler is told)
///
/// A call belongs to its event loop's thread. Once finished, every verb is without effect: an answer
/// that crosses a cancellation on its way is no mistake of anyone.
package final class GRPCCall: HTTP2Stream {
    /// Gone when the stream is.
    private var session: HTTP2ServerSession?
    /// The response headers are written or on their way: streaming, while the call is open.
    private(set) var hasBegun = false
    /// Unique among the calls of this process.
    package let id: UInt64
    /// The place of the path in the application's `GRPCRoutes`; nil for an unknown path.
    package let route: Int?
    /// When the client stops waiting, from its grpc-timeout.
    package let deadline: MonotonicTime?
    /// Told of everything that happens to the call; set it in `GRPCApplication.opened`.
    package var handler: (any GRPCHandler)?

    /// Why the call ended, until the trailers are written.
    var status: GRPCStatus?
    private let unknownPath: [UInt8]
    private let metadataBlock: MetadataBlock

    init(
        session: HTTP2ServerSession, streamID: Int32, request: RequestHeaders, metadata: MetadataBlock,
        deadline: MonotonicTime?
    ) {
        self.session = session
        self.deadline = deadline
        id = session.number << 32 | UInt64(UInt32(bitPattern: streamID))
        route = request.route
        unknownPath = request.unknownPath
        metadataBlock = metadata
        super.init(
            streamID: streamID,
            assembler: MessageAssembler(isCompressionNegotiated: request.encoding == .gzip))
    }

    /// The request's path, as sent.
    package var path: String {
        if let route, let session { return session.configuration.routes.paths[route] }
        return String(decoding: unknownPath, as: UTF8.self)
    }

    /// The code and text grpc-go answers to a path nobody serves.
    package var unknownMethodStatus: GRPCStatus {
        session?.configuration.routes.status(unknown: path) ?? GRPCStatus(.unimplemented)
    }

    /// The first value of a metadata key, if it is one of `HTTPConfiguration.metadataKeys`; lower case.
    package func metadata(_ key: StaticString) -> [UInt8]? { metadataBlock.value(key) }

    /// The client's end of the connection.
    package var peer: String { session?.peerDescription ?? "" }

    /// Sends the response headers now, before the first message (Watch: the client waits for them).
    package func begin() {
        guard isOpen, !hasBegun, let session else { return }
        hasBegun = true
        session.begin(self)
    }

    /// Queues one message.
    package func send(_ message: consuming [UInt8]) {
        guard isOpen else { return }
        let count = message.count
        outbound.append(message)
        // The stream's session holds it, and nothing ends where something is queued.
        guard let session = unsafe session.map(Unmanaged.passUnretained) else { return }
        unsafe session._withUnsafeGuaranteedRef { $0.queued(self, bytes: count) }
    }

    /// Queues one message of `size` bytes, written by `fill` into memory made for it.
    package func send(size: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        guard isOpen else { return }
        send(
            unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                unsafe fill(UnsafeMutableRawBufferPointer(buffer))
                count = size
            })
    }

    /// Queues one message that is made as the client reads it.
    package func send(_ source: any MessageSource) {
        guard isOpen, let session else { return source.released() }
        outbound.append(source)
        session.queued(self, bytes: 0)
    }

    /// Ends the call behind what is queued; an error before any message is a trailers-only response.
    package func finish(_ status: GRPCStatus = .ok) {
        guard isOpen, let session else { return }
        handler = nil
        isOpen = false
        session.finish(self, status)
    }

    // What the session tells.

    override func received(_ message: borrowing RawSpan) { handler?.message(self, message) }

    override func drained() { handler?.drained(self) }

    /// Ends the call from our side and tells its handler.
    override func abort(_ status: GRPCStatus) {
        let handler = handler
        finish(status)
        handler?.cancelled(self)
    }

    /// The stream is gone: a handler that still listens is told.
    func ended() {
        session = nil
        let handler = handler
        self.handler = nil
        isOpen = false
        handler?.cancelled(self)
    }
}
