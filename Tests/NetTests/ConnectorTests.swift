import CPlatform
import Testing

@testable import Net

/// Keeps what it hears.
private final class Ear: ByteMachine {
    private(set) var heard: [UInt8] = []
    private(set) var isClosed = false
    func received(_ bytes: UnsafeRawBufferPointer) { unsafe heard.append(contentsOf: bytes) }
    func inputEnded() {}
    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
    func closed() { isClosed = true }
}

@Suite struct `Dialling` {
    private let loop: EventLoop
    private let budget = ConnectionBudget(limit: 2)
    private let connector: Connector

    init() throws {
        loop = try EventLoop(doorbell: try Doorbell())
        connector = Connector(loop: loop, budget: budget)
    }

    private func run(until condition: () -> Bool) -> Bool {
        let end = MonotonicTime.now() + .seconds(20)
        while !condition() {
            if MonotonicTime.now() > end { return false }
            let timer = loop.schedule(after: .milliseconds(5)) {}
            loop.runPass()
            loop.cancel(timer)
        }
        return true
    }

    /// Dials and waits for the outcome, which never comes from within the call.
    private func dial(
        _ host: String, _ port: UInt16, timeout: Duration = .seconds(10)
    ) throws -> Result<Connection, NetError> {
        var outcome: Result<Connection, NetError>?
        _ = connector.connect(host: host, port: port, timeout: timeout) { outcome = $0 }
        #expect(outcome == nil)
        #expect(run { outcome != nil })
        return try #require(outcome)
    }

    private func errno(_ outcome: Result<Connection, NetError>) -> Int32? {
        guard case .failure(.system(_, let errno)) = outcome else { return nil }
        return errno
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func `a number and a name lead to a connection that speaks`(host: String) throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let connection = try dial(host, socket.port).get()
        #expect(connection.peer.description == "127.0.0.1:\(socket.port)")
        let ear = Ear()
        try connection.attach(ear)
        var peer = platform_address()
        let other = Descriptor(
            owning: try checked("accept", unsafe platform_accept(socket.descriptor.number, &peer)))
        _ = unsafe try ([1, 2, 3] as [UInt8]).withUnsafeBytes { unsafe try other.write($0) }
        #expect(run { ear.heard == [1, 2, 3] })
        #expect(budget.count == 1)
        connection.close()
        #expect(budget.count == 0)
    }

    @Test func `a port that nobody listens at refuses, and the budget is given back`() throws {
        let port = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0)).port  // closed again at once
        let outcome = try dial("127.0.0.1", port)
        #expect(errno(outcome) == 111)
        #expect(budget.count == 0)
        if case .failure(let error) = outcome { #expect("\(error)" == "dial tcp: connection refused") }
    }

    @Test func `a name that is none fails by its name`() throws {
        guard case .failure(.resolution(let host, _)) = try dial("no.such.host.invalid", 1) else {
            Issue.record("resolved")
            return
        }
        #expect(host == "no.such.host.invalid")
    }

    @Test func `an attempt ends at its time`() throws {
        // A backlog that is full takes no more connections: Linux drops the handshake.
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0), backlog: 0)
        let first = try dial("127.0.0.1", socket.port).get()
        var outcomes: [Result<Connection, NetError>] = []
        _ = connector.connect(host: "127.0.0.1", port: socket.port, timeout: .milliseconds(100)) {
            outcomes.append($0)
        }
        #expect(run { outcomes.count == 1 })
        if let outcome = outcomes.first { #expect(errno(outcome) == 110) }
        #expect(budget.count == 1)
        first.close()
    }

    @Test func `a cancelled attempt is never heard of again`() throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        var isDone = false
        for host in ["127.0.0.1", "localhost"] {
            connector.connect(host: host, port: socket.port, timeout: .seconds(1)) { _ in isDone = true }
                .cancel()
        }
        let connection = try dial("localhost", socket.port).get()  // the look-up they shared is over
        #expect(!isDone && budget.count == 1)
        connection.close()
    }

    @Test func `beyond the budget nothing is dialled`() throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let connections = [
            try dial("127.0.0.1", socket.port).get(), try dial("127.0.0.1", socket.port).get(),
        ]
        #expect(errno(try dial("127.0.0.1", socket.port)) == 24)
        for connection in connections { connection.close() }
        #expect(budget.count == 0)
    }

    @Test func `what a paused connection is sent waits until it reads on`() throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let connection = try dial("127.0.0.1", socket.port).get()
        let ear = Ear()
        try connection.attach(ear)
        connection.pauseReading()
        var peer = platform_address()
        let other = Descriptor(
            owning: try checked("accept", unsafe platform_accept(socket.descriptor.number, &peer)))
        _ = unsafe try ([1, 2] as [UInt8]).withUnsafeBytes { unsafe try other.write($0) }
        var passes = 0
        #expect(
            run {
                passes += 1
                return passes > 5
            })
        #expect(ear.heard.isEmpty)
        connection.resumeReading()
        #expect(run { ear.heard == [1, 2] })
        connection.close()
    }
}
