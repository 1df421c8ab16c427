import Net

@testable import HTTP

/// A client's session joined to a server's without a socket; both share a clock that the test turns.
final class ClientHarness: SessionHost, GRPCResponseHandler {
    let server: SessionHarness
    var now: MonotonicTime { server.now }
    let peerDescription = "127.0.0.1:2"
    private(set) var session: HTTP2ClientSession!
    private(set) var isClosed = false
    private(set) var isClosing = false
    private(set) var wakeTime: MonotonicTime?
    private(set) var messages: [[UInt8]] = []
    private(set) var statuses: [GRPCStatus] = []
    private(set) var drainedCount = 0

    init(
        _ configuration: HTTPConfiguration = EchoApplication.configuration,
        _ limits: HTTPLimits = GRPCClientConfiguration.limits
    ) {
        server = SessionHarness(configuration)
        session = HTTP2ClientSession(limits: limits, host: self)
    }

    static func headers(_ method: String, _ metadata: [(name: String, value: String)] = [])
        -> GRPCRequestHeaders
    {
        GRPCRequestHeaders(path: "/test.Echo/\(method)", authority: "localhost", metadata: metadata)
    }

    /// A unary call; nil when the session takes none.
    @discardableResult
    func ask(_ method: String, _ message: [UInt8], deadline: MonotonicTime? = nil) -> GRPCClientCall? {
        let call = GRPCClientCall(Self.headers(method), deadline: deadline, self)
        call.send(message)
        call.halfClose()
        return session.begin(call) ? call : nil
    }

    func open(_ method: String) -> GRPCClientCall? {
        let call = GRPCClientCall(Self.headers(method), self)
        return session.begin(call) ? call : nil
    }

    /// Carries bytes both ways until neither side has anything to say.
    func exchange() {
        while true {
            let asked = Self.produced(by: session)
            server.feed(asked)
            let answered = Self.produced(by: server.session)
            feed(answered)
            if asked.isEmpty, answered.isEmpty { return }
        }
    }

    func feed(_ bytes: [UInt8]) {
        guard !isClosed, !bytes.isEmpty else { return }
        unsafe bytes.withUnsafeBytes { unsafe session.receive($0) }
    }

    static func produced(by session: HTTP2Session) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 256 * 1024) { buffer, count in
            unsafe count = session.produce(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        messages.append(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
    }
    func ended(_ call: GRPCClientCall, _ status: GRPCStatus) { statuses.append(status) }
    func drained(_ call: GRPCClientCall) { drainedCount += 1 }

    func pauseReading() {}
    func resumeReading() {}
    func requestFlush() {}
    func wake(at time: MonotonicTime) { wakeTime = wakeTime.map { min($0, time) } ?? time }
    func closeWhenFlushed() { isClosing = true }
    func close() { isClosed = true }
}
