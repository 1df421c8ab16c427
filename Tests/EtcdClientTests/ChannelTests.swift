import HTTP
import Net
import Testing

@testable import EtcdClient

/// A server and a client on one loop, which the test steps.
private final class Rig: GRPCApplication, GRPCHandler, GRPCResponseHandler {
    let loop: EventLoop
    let connector: Connector
    let socket: ListeningSocket
    let server: HTTPServer
    private(set) var channel: Channel!
    private(set) var messages: [[UInt8]] = []
    private(set) var statuses: [GRPCStatus] = []
    private(set) var tokens: [[UInt8]?] = []

    init(dialTimeout: Duration = .seconds(5)) throws {
        loop = try EventLoop(doorbell: try Doorbell())
        connector = Connector(loop: loop, budget: ConnectionBudget(limit: 100))
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let relay = Relay()
        server = HTTPServer(
            loop: loop,
            configuration: HTTPConfiguration(
                routes: GRPCRoutes(Method.allCases.map(\.path)), metadataKeys: ["token"]),
            grpc: relay, web: nil, budget: ConnectionBudget(limit: 100))
        relay.application = self
        try server.serve(socket)
        channel = try makeChannel(socket.port)
    }

    func makeChannel(_ port: UInt16) throws -> Channel {
        Channel(
            [try Endpoint("127.0.0.1:\(port)")], connector: connector, loop: loop,
            configuration: GRPCClientConfiguration(limits: GRPCClientConfiguration.limits))
    }

    /// Steps the loop until the condition holds, at most 20 s.
    func step(until condition: () -> Bool) {
        let end = MonotonicTime.now() + .seconds(20)
        loop.schedule(at: end) {}
        while !condition(), MonotonicTime.now() < end { loop.runPass() }
    }

    // The server: echoes.
    func opened(_ call: GRPCCall) {
        tokens.append(call.metadata("token"))
        call.handler = self
    }
    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        call.send(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
        call.finish()
    }
    func cancelled(_ call: GRPCCall) {}

    // The client.
    func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        messages.append(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
    }
    func ended(_ call: GRPCClientCall, _ status: GRPCStatus) { statuses.append(status) }
}

/// Stands between, because the server holds its application.
private final class Relay: GRPCApplication {
    weak var application: Rig?
    func opened(_ call: GRPCCall) { application?.opened(call) }
}

@Suite struct `Channels` {
    @Test func `a call asked before there is a connection waits for it`() throws {
        let rig = try Rig()
        for number: UInt8 in 0..<3 { rig.channel.ask(.put, [number], rig) }
        rig.step { rig.statuses.count == 3 }
        #expect(rig.messages == [[0], [1], [2]])
        #expect(rig.statuses == [.ok, .ok, .ok])
        #expect(rig.server.connectionCount == 1)
    }

    @Test func `a token set later is sent by later calls`() throws {
        let rig = try Rig()
        rig.channel.ask(.put, [], rig)
        rig.step { rig.statuses.count == 1 }
        rig.channel.token = "secret"
        rig.channel.ask(.put, [], rig)
        rig.step { rig.statuses.count == 2 }
        #expect(rig.tokens == [nil, Array("secret".utf8)])
    }

    @Test func `where nobody listens a call ends with code 14 and the channel dials again`() throws {
        let rig = try Rig()
        let free = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0)).port  // closed by now
        let channel = try rig.makeChannel(free)
        channel.ask(.put, [], rig)
        rig.step { rig.statuses.count == 1 }
        channel.ask(.put, [], rig)
        rig.step { rig.statuses.count == 2 }
        #expect(rig.statuses.map(\.code) == [.unavailable, .unavailable])
        #expect(rig.statuses[0].message.contains("connection refused"))
    }

    @Test func `a lost connection is replaced by the next call`() throws {
        let rig = try Rig()
        rig.channel.ask(.put, [1], rig)
        rig.step { rig.statuses.count == 1 }
        let another = HTTPServer(
            loop: rig.loop,
            configuration: HTTPConfiguration(routes: GRPCRoutes(Method.allCases.map(\.path))),
            grpc: rig, web: nil, budget: ConnectionBudget(limit: 100))
        rig.server.close()
        try another.serve(rig.socket)
        rig.step { !rig.channel.isConnected }
        rig.channel.ask(.put, [2], rig)
        rig.step { rig.statuses.count == 2 }
        #expect(another.connectionCount == 1)
        #expect(rig.statuses == [.ok, .ok])
        #expect(rig.messages == [[1], [2]])
    }

    @Test func `a closed channel ends what waits and what comes`() throws {
        let rig = try Rig()
        rig.channel.ask(.put, [1], rig)
        rig.channel.close()
        rig.channel.ask(.put, [2], rig)
        #expect(rig.statuses.map(\.code) == [.cancelled, .cancelled])
    }
}
