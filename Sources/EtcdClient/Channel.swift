import HTTP
import Net
import TLS

/// One connection to one of several endpoints, kept alive: what it loses it dials again.
///
///     idle ──begin──▶ dialling ──▶ greeting (TLS) ──▶ connected ──lost──▶ idle
///      ▲                 └───────────┴─refused: next endpoint, after a pause─┘
///
/// A call that finds no connection waits for the dial that is running; when that fails, it ends with code 14
/// and the dial's error. Nothing is repeated: whether a lost call may be asked again is its caller's to know.
///
/// A channel that has dialled lives until `close`.
package final class Channel {
    private enum State {
        case idle
        /// No dial before the pause is over.
        case resting
        case dialling(ConnectAttempt)
        /// Connected, and not yet secure.
        case greeting(Connection)
        case connected(GRPCClientConnection)
        case closed
    }

    private let loop: EventLoop
    private let connector: Connector
    private let configuration: GRPCClientConfiguration
    private let endpoints: [Endpoint]
    private let security: TLSContext?
    private let dialTimeout: Duration
    /// Gives a greeting up.
    private var dialEnd: Timer?
    /// Socket and greeting have the dial's time together.
    private var dialDeadline = MonotonicTime(nanoseconds: 0)
    private var state = State.idle
    private var waiting: [GRPCClientCall] = []
    /// The endpoint in use or to be dialled next.
    private var current: Int
    /// By method; made when first asked for.
    private var headers: [GRPCRequestHeaders?]
    /// Sent with every call (`token`); set it and later calls carry it.
    package var token: String? {
        didSet { forgetHeaders() }
    }

    private static let pause: Duration = .milliseconds(100)

    /// `first`: the place of the endpoint that is dialled first. `connector` and `security` must be of
    /// the same loop; an endpoint that asks for TLS needs the latter.
    package init(
        _ endpoints: [Endpoint], first: Int = 0, connector: Connector, loop: EventLoop,
        configuration: GRPCClientConfiguration, security: TLSContext? = nil,
        dialTimeout: Duration = .seconds(5)
    ) {
        precondition(!endpoints.isEmpty, "a channel leads somewhere")
        self.loop = loop
        self.connector = connector
        self.configuration = configuration
        self.endpoints = endpoints
        self.security = security
        self.dialTimeout = dialTimeout
        current = first % endpoints.count
        headers = Array(repeating: nil, count: Method.allCases.count)
    }

    /// How many endpoints it may lead to.
    package var endpointCount: Int { endpoints.count }

    /// The endpoint in use, or to be dialled next.
    package var endpoint: Endpoint { endpoints[current] }

    package var isConnected: Bool { if case .connected = state { true } else { false } }

    /// One message, then no more.
    @discardableResult
    package func ask(
        _ method: Method, _ message: [UInt8], tag: Int = 0, deadline: MonotonicTime? = nil,
        _ handler: any GRPCResponseHandler
    ) -> GRPCClientCall {
        let call = GRPCClientCall(headers(method), tag: tag, deadline: deadline, handler)
        call.send(message)
        call.halfClose()
        begin(call)
        return call
    }

    /// A call whose messages follow.
    package func open(
        _ method: Method, tag: Int = 0, deadline: MonotonicTime? = nil, _ handler: any GRPCResponseHandler
    ) -> GRPCClientCall {
        let call = GRPCClientCall(headers(method), tag: tag, deadline: deadline, handler)
        begin(call)
        return call
    }

    private func headers(_ method: Method) -> GRPCRequestHeaders {
        if let known = headers[method.rawValue] { return known }
        let made = GRPCRequestHeaders(
            path: method.path, scheme: context(endpoint) == nil ? "http" : "https",
            authority: endpoint.authority, metadata: metadata(method))
        headers[method.rawValue] = made
        return made
    }

    /// An old token is no part of asking for a new one.
    private func metadata(_ method: Method) -> [(String, String)] {
        guard let token, method != .authenticate else { return [] }
        return [("token", token)]
    }

    private func forgetHeaders() { headers = Array(repeating: nil, count: Method.allCases.count) }

    private func begin(_ call: GRPCClientCall) {
        if case .connected(let connection) = state {
            if connection.begin(call) { return }
            // It takes no more calls (GOAWAY): it ends by itself, and another takes its place.
            state = .idle
        }
        if case .closed = state {
            return call.fail(GRPCStatus(.cancelled, "grpc: the client connection is closing"))
        }
        waiting.append(call)
        if case .idle = state { dial() }
    }

    private func dial() {
        dialDeadline = loop.now + dialTimeout
        state = .dialling(
            connector.connect(host: endpoint.host, port: endpoint.port, timeout: dialTimeout) {
                [self] result in
                dialled(result)
            })
    }

    private func dialled(_ result: Result<Connection, NetError>) {
        switch result {
        case .success(let socket):
            if let context = context(endpoint) { greet(socket, context) } else { connected(socket) }
        case .failure(let error): refused("Error while dialing: \(dialText(error))")
        }
    }

    /// As Go says it, with the address.
    private func dialText(_ error: NetError) -> String {
        guard case .system("dial tcp", let errno) = error else { return "dial tcp: \(error)" }
        if error.isTimeout { return "dial tcp \(endpoint.authority): i/o timeout" }
        return NetError.system(call: "dial tcp \(endpoint.authority): connect", errno: errno).description
    }

    /// What TLS is spoken with there; nil: none is.
    private func context(_ endpoint: Endpoint) -> TLSContext? {
        switch endpoint.security {
        case .plain: return nil
        case .asGiven: return security
        case .secure:
            precondition(security != nil, "a channel to https:// is given what TLS needs")
            return security
        }
    }

    private func greet(_ socket: Connection, _ context: TLSContext) {
        state = .greeting(socket)
        dialEnd = loop.schedule(after: max(dialDeadline - loop.now, .zero)) { [self] in
            greeted(socket, "context deadline exceeded")
            socket.close()
        }
        TLSSession(socket, context, host: endpoint.host) { [self] error in greeted(socket, error?.description)
        }
    }

    /// The connection is secure, or `failure` says why it never will be.
    private func greeted(_ socket: Connection, _ failure: String?) {
        guard case .greeting(let mine) = state, mine === socket else { return }
        cancelDialEnd()
        if let failure { refused("authentication handshake failed: \(failure)") } else { connected(socket) }
    }

    private func cancelDialEnd() {
        if let dialEnd { loop.cancel(dialEnd) }
        dialEnd = nil
    }

    /// Nothing listens there that could be asked: the next endpoint has its turn, after a pause.
    private func refused(_ reason: String) {
        state = .resting
        let failed = takeWaiting()
        current = (current + 1) % endpoints.count
        forgetHeaders()
        let text = "connection error: desc = \"transport: \(reason)\""
        for call in failed { call.fail(GRPCStatus(.unavailable, text)) }
        loop.schedule(after: Self.pause) { [self] in rested() }
    }

    /// Gives up the endpoint in use, which takes connections and serves nobody: the next has its turn.
    package func leaveEndpoint() {
        let was = state
        switch was {
        case .idle, .connected: state = .idle
        default: return
        }
        current = (current + 1) % endpoints.count
        forgetHeaders()
        if case .connected(let connection) = was { connection.close() }
    }

    private func connected(_ socket: Connection) {
        var made: GRPCClientConnection?
        let connection = GRPCClientConnection(socket, configuration) { [self] in
            guard let made, case .connected(let mine) = state, mine === made else { return }
            state = .idle
        }
        made = connection
        state = .connected(connection)
        for call in takeWaiting() { begin(call) }
    }

    private func takeWaiting() -> [GRPCClientCall] {
        var taken: [GRPCClientCall] = []
        swap(&taken, &waiting)
        return taken
    }

    private func rested() {
        guard case .resting = state else { return }
        state = .idle
        if !waiting.isEmpty { dial() }
    }

    /// Cuts the connection: open calls end with code 14, waiting ones and later ones with code 1.
    package func close() {
        let was = state
        state = .closed
        switch was {
        case .dialling(let attempt): attempt.cancel()
        case .greeting(let socket):
            cancelDialEnd()
            socket.close()
        case .connected(let connection): connection.close()
        case .idle, .resting, .closed: break
        }
        for call in takeWaiting() {
            call.fail(GRPCStatus(.cancelled, "grpc: the client connection is closing"))
        }
    }
}
