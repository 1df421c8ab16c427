import COpenSSL
import Net
import Testing

@testable import TLS

/// Keeps what it hears; a server's ear says it again.
final class Ear: ByteMachine {
    private let connection: Connection
    private let echoes: Bool
    private(set) var heard: [UInt8] = []
    private(set) var hasInputEnded = false
    private(set) var isClosed = false
    private var unsaid: [UInt8] = []

    init(_ connection: Connection, echoes: Bool) {
        self.connection = connection
        self.echoes = echoes
    }

    func say(_ bytes: [UInt8]) {
        unsaid += bytes
        connection.requestFlush()
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        heard.append(contentsOf: bytes)
        if echoes { say(Array(bytes)) }
    }

    func inputEnded() {
        hasInputEnded = true
        connection.close()
    }

    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, unsaid.count)
        unsaid.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[..<count])) }
        unsaid.removeFirst(count)
        return count
    }

    func closed() { isClosed = true }
}

/// A server and one client on one loop, which the test steps.
final class Rig {
    let loop: EventLoop
    let socket: ListeningSocket
    let budget = ConnectionBudget(limit: 10)
    private let connector: Connector
    private var listener: Listener?
    private var relay: Relay?
    private(set) var server: (connection: Connection, session: TLSSession?, ear: Ear)?
    private(set) var client: (connection: Connection, session: TLSSession, ear: Ear)?
    /// What each side was told of its greeting; nil while it was told nothing.
    private(set) var serverGreeting: TLSError??
    private(set) var clientGreeting: TLSError??

    /// `server` nil: it speaks plainly. `newest`: the newest version it speaks. `piece`: bytes come
    /// through a relay, so many at a time.
    init(
        server settings: TLSSettings?, client: TLSSettings, host: String = "localhost",
        newest: Int32 = TLS1_3_VERSION, piece: Int? = nil
    ) throws {
        loop = try EventLoop(doorbell: try Doorbell())
        connector = Connector(loop: loop, budget: budget)
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let serverContext = try settings.map { try TLSContext(.server, $0) }
        if let serverContext {
            SSL_CTX_ctrl(serverContext.context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(newest), nil)
        }
        let clientContext = try TLSContext(.client, client)
        if let piece { relay = try Relay(loop: loop, to: socket.port, budget, piece) }
        listener = try Listener(loop: loop, socket: socket, budget: budget) {
            [unowned self] (descriptor: consuming Descriptor, peer) in
            let connection = Connection(loop: loop, descriptor: descriptor, peer: peer, budget: budget)
            let session = serverContext.map {
                TLSSession(connection, $0) { [weak self] in self?.serverGreeting = .some($0) }
            }
            let ear = Ear(connection, echoes: true)
            try? connection.attach(ear)
            self.server = (connection, session, ear)
        }
        _ = connector.connect(host: "127.0.0.1", port: relay?.port ?? socket.port, timeout: .seconds(10)) {
            [unowned self] result in
            guard let connection = try? result.get() else { return }
            let session = TLSSession(connection, clientContext, host: host) { [weak self] error in
                self?.clientGreeting = .some(error)
                if error == nil, let ear = self?.client?.ear { try? connection.attach(ear) }
            }
            self.client = (connection, session, Ear(connection, echoes: false))
        }
    }

    deinit {
        server?.connection.close()
        client?.connection.close()
        listener?.close()
        relay?.close()
    }

    /// Steps the loop until the condition holds, at most 20 s.
    func step(until condition: () -> Bool) {
        let end = MonotonicTime.now() + .seconds(20)
        loop.schedule(at: end) {}
        while !condition(), MonotonicTime.now() < end { loop.runPass() }
    }

    /// Steps until the client knows whether it is connected; why not.
    func greet() throws -> TLSError? {
        step { clientGreeting != nil }
        return try #require(clientGreeting)
    }
}
