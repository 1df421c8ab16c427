import CPlatform
import Synchronization

@testable import HTTP
@testable import Net

/// A server on a thread of its own, on an ephemeral port of 127.0.0.1.
final class TestServer: Sendable {
    enum Command: Sendable { case drain, stop }

    let port: UInt16
    let budget: ConnectionBudget
    private let commands: Mailbox<Command>
    private let ended = Atomic<Bool>(false)
    private let endedBell: Doorbell

    init(_ configuration: HTTPConfiguration = EchoApplication.configuration) throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let budget = ConnectionBudget(limit: 1000)
        let bell = try Doorbell()
        let commands = Mailbox<Command>(doorbell: bell, capacity: 10)
        port = socket.port
        self.budget = budget
        self.commands = commands
        endedBell = try Doorbell()
        let thread = try Thread(name: "server") { [self] in
            do {
                try Self.run(socket, bell, configuration, budget, commands)
            } catch {
                preconditionFailure("the test server starts")
            }
            ended.store(true, ordering: .releasing)
            endedBell.ring()
        }
        _ = consume thread
    }

    private static func run(
        _ socket: ListeningSocket, _ bell: Doorbell, _ configuration: HTTPConfiguration,
        _ budget: ConnectionBudget,
        _ commands: Mailbox<Command>
    ) throws {
        let loop = try EventLoop(doorbell: bell)
        let server = HTTPServer(
            loop: loop, configuration: configuration, grpc: EchoApplication(), web: HelloApplication(),
            budget: budget)
        try server.serve(socket)
        loop.onWake {
            var batch: [Command] = []
            commands.drain(into: &batch)
            for command in batch {
                switch command {
                case .drain: server.drain(grace: .seconds(10)) { loop.stop() }
                case .stop:
                    server.close()
                    loop.stop()
                }
            }
        }
        loop.run()
    }

    func drain() { commands.push(.drain) }

    /// Stops the loop and waits for it; safe after a drain.
    func stop() {
        commands.push(.stop)
        waitForEnd()
    }

    func waitForEnd() { while !ended.load(ordering: .acquiring) { endedBell.wait(timeout: .seconds(1)) } }
}

private final class HelloApplication: WebApplication {
    func handle(_ request: WebRequest, _ responder: WebResponder) {
        responder.respond(
            WebResponse(
                status: 200, headers: [WebHeader("Content-Type", "text/plain")],
                body: Array("hello \(request.path)".utf8)))
    }
}

/// A client that speaks raw bytes and waits with a bound.
final class RawClient {
    let descriptor: Descriptor
    let reader = FrameReader()
    private(set) var bytes: [UInt8] = []
    private(set) var hasEnded = false

    init(_ port: UInt16) throws {
        descriptor = Descriptor(owning: try checked("connect", platform_connect_loopback(port)))
    }

    /// Sends all bytes and reads nothing; false when the server has closed or takes no more for 10 s.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        let end = MonotonicTime.now() + .seconds(10)
        while sent < bytes.count {
            do {
                let count = unsafe try bytes.withUnsafeBytes { buffer throws(NetError) in
                    unsafe try descriptor.write(UnsafeRawBufferPointer(rebasing: buffer[sent...]))
                }
                sent += count ?? 0
            } catch { return false }
            if MonotonicTime.now() > end { return false }
        }
        return true
    }

    /// Reads until the condition holds, at most 20 s.
    @discardableResult
    func read(until condition: (RawClient) -> Bool) -> Bool {
        let end = MonotonicTime.now() + .seconds(20)
        while !condition(self) {
            if hasEnded || MonotonicTime.now() > end { return false }
            receive()
        }
        return true
    }

    private func receive() {
        var count: Int? = nil
        let fresh = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, initialized in
            do throws(NetError) {
                unsafe count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch { count = 0 }
            initialized = count ?? 0
        }
        if count == 0 { hasEnded = true }
        bytes += fresh
        if bytes.first != UInt8(ascii: "H") { reader.append(fresh) }
    }
}
