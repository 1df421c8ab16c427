import EtcdClient
import HTTP
import Net
import TLS
import Testing

/// A gRPC server behind TLS and a channel to it, on one loop.
private final class Echo: GRPCApplication, GRPCHandler, GRPCResponseHandler {
    let loop: EventLoop
    private let connector: Connector
    private let socket: ListeningSocket
    private var server: HTTPServer?
    private(set) var answers: [[UInt8]] = []
    private(set) var statuses: [GRPCStatus] = []

    /// Without a context the server listens and says nothing.
    init(_ context: TLSContext?) throws {
        loop = try EventLoop(doorbell: try Doorbell())
        connector = Connector(loop: loop, budget: ConnectionBudget(limit: 10))
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        guard let context else { return }
        let server = HTTPServer(
            loop: loop,
            configuration: HTTPConfiguration(routes: GRPCRoutes(EtcdClient.Method.allCases.map(\.path))),
            grpc: Forwarder(self), web: nil, budget: ConnectionBudget(limit: 10),
            carry: { TLSSession($0, context) { _ in } })
        try server.serve(socket)
        self.server = server
    }

    /// Asks the server, at `scheme://localhost`, and waits for the end.
    func ask(_ message: [UInt8], scheme: String = "https", _ settings: TLSSettings) throws {
        let channel = Channel(
            [try Endpoint("\(scheme)://localhost:\(socket.port)")], connector: connector, loop: loop,
            configuration: GRPCClientConfiguration(limits: GRPCClientConfiguration.limits),
            security: try TLSContext(.client, settings), dialTimeout: .seconds(2))
        defer { channel.close() }
        let before = statuses.count
        channel.ask(.put, message, self)
        let end = MonotonicTime.now() + .seconds(20)
        loop.schedule(at: end) {}
        while statuses.count == before, MonotonicTime.now() < end { loop.runPass() }
    }

    func opened(_ call: GRPCCall) { call.handler = self }
    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        call.send(bytes.withUnsafeBytes { Array($0) })
        call.finish()
    }
    func cancelled(_ call: GRPCCall) {}

    func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        answers.append(bytes.withUnsafeBytes { Array($0) })
    }
    func ended(_ call: GRPCClientCall, _ status: GRPCStatus) { statuses.append(status) }
}

/// Stands between, because the server holds its application.
private final class Forwarder: GRPCApplication {
    private weak var echo: Echo?
    init(_ echo: Echo) { self.echo = echo }
    func opened(_ call: GRPCCall) { echo?.opened(call) }
}

@Suite struct `Channels over TLS` {
    private let certificates = Certificates()

    private var trusting: TLSSettings { TLSSettings(peer: .signed(by: certificates.authority.certificate)) }

    private func server() throws -> Echo {
        let pair = certificates.pair("server", names: "DNS:localhost")
        return try Echo(
            try TLSContext(
                .server,
                TLSSettings(certificateFile: pair.certificate, keyFile: pair.key, peer: .anyone)))
    }

    @Test(arguments: [0, 1000, 1_500_000])
    func `a call is answered`(count: Int) throws {
        let echo = try server()
        let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try echo.ask(message, trusting)
        #expect(echo.statuses == [.ok])
        #expect(echo.answers == [message])
    }

    @Test func `a certificate that is not trusted ends calls with code 14 and Go's text`() throws {
        let (echo, others) = (try server(), Certificates())
        try echo.ask([], TLSSettings(peer: .signed(by: others.authority.certificate)))
        #expect(
            echo.statuses == [
                GRPCStatus(
                    .unavailable,
                    "connection error: desc = \"transport: authentication handshake failed: tls: failed to "
                        + "verify certificate: x509: certificate signed by unknown authority\"")
            ])
    }

    @Test func `an endpoint of http is asked plainly, whatever there is for TLS`() throws {
        let echo = try server()
        try echo.ask([], scheme: "http", trusting)
        #expect(echo.statuses.map(\.code) == [.unavailable])
        #expect(echo.answers.isEmpty)
    }

    @Test func `a server that does not greet is given up`() throws {
        let silent = try Echo(nil)
        try silent.ask([], trusting)
        #expect(
            silent.statuses.map(\.message) == [
                "connection error: desc = \"transport: authentication handshake failed: "
                    + "context deadline exceeded\""
            ])
    }
}
