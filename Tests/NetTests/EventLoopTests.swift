import CPlatform
import Testing

@testable import Net

/// Sends back what it gets, in pieces no larger than the connection's buffer.
private final class EchoMachine: ByteMachine {
    private let connection: Connection
    private var waiting: [UInt8] = []
    private let whenClosed: () -> Void

    init(_ connection: Connection, whenClosed: @escaping () -> Void) {
        self.connection = connection
        self.whenClosed = whenClosed
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        unsafe waiting.append(contentsOf: bytes)
        connection.requestFlush()
    }

    func inputEnded() { connection.closeWhenFlushed() }

    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, waiting.count)
        unsafe waiting.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[..<count])) }
        waiting.removeFirst(count)
        return count
    }

    func closed() { whenClosed() }
}

/// A loop with an echo listener, stepped by the test on its own thread.
private final class EchoServer {
    let loop: EventLoop
    let socket: ListeningSocket
    let budget: ConnectionBudget
    private(set) var closedCount = 0
    private var listener: Listener?

    init(limit: Int = 100, socket shared: ListeningSocket? = nil) throws {
        loop = try EventLoop(doorbell: try Doorbell())
        socket = try shared ?? ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        budget = ConnectionBudget(limit: limit)
        listener = try Listener(loop: loop, socket: socket, budget: budget) {
            [unowned self] (descriptor: consuming Descriptor, peer) in
            let connection = Connection(loop: loop, descriptor: descriptor, peer: peer, budget: budget)
            try? connection.attach(EchoMachine(connection) { [unowned self] in closedCount += 1 })
        }
    }

    func close() { listener?.close() }

    /// Runs passes until `condition` holds; a timer sees to it that no pass sleeps for ever.
    func run(until condition: () -> Bool) {
        let end = MonotonicTime.now() + .seconds(20)
        while !condition(), MonotonicTime.now() < end {
            let timer = loop.schedule(after: .milliseconds(5)) {}
            loop.runPass()
            loop.cancel(timer)
        }
    }
}

/// A client on a non-blocking socket.
final class Client {
    let descriptor: Descriptor

    init(_ port: UInt16) throws {
        descriptor = Descriptor(owning: try checked("connect", platform_connect_loopback(port)))
    }

    func send(_ bytes: [UInt8]) throws -> Int {
        unsafe try bytes.withUnsafeBytes { unsafe try descriptor.write($0) } ?? 0
    }

    /// What is there; nil at the end of the stream.
    func receive() throws -> [UInt8]? {
        var count: Int? = 0
        let bytes = unsafe try [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, initialized in
            count = unsafe try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
            initialized = count ?? 0
        }
        return count == 0 ? nil : bytes
    }
}

@Suite struct `Event loop` {
    @Test func `a timer fires in the first pass at its time and not before`() throws {
        let loop = try EventLoop(doorbell: try Doorbell())
        let due = MonotonicTime.now() + .milliseconds(20)
        var fired: MonotonicTime?
        loop.schedule(at: due) {
            fired = loop.now
            loop.stop()
        }
        loop.run()
        #expect(fired.map { $0 >= due } == true)
    }

    @Test func `a pass that was asked for is not begun before, and once`() throws {
        let loop = try EventLoop(doorbell: try Doorbell())
        let timer = loop.schedule(after: .seconds(60)) {}
        let due = MonotonicTime.now() + .microseconds(300)
        loop.beginPass(by: due)
        loop.runPass()
        #expect(loop.now >= due)
        loop.cancel(timer)
        let end = MonotonicTime.now() + .milliseconds(2)
        loop.schedule(at: end) {}
        loop.runPass()  // asked for nothing: the timer's time
        #expect(MonotonicTime.now() >= end)
    }

    @Test func `a message of another thread wakes the loop, its hook runs before the end of the pass`() throws
    {
        let doorbell = try Doorbell()
        let mailbox = Mailbox<Int>(doorbell: doorbell, capacity: 10)
        let loop = try EventLoop(doorbell: doorbell)
        var journal: [String] = []
        loop.onWake {
            var batch: [Int] = []
            mailbox.drain(into: &batch)
            for number in batch { journal.append("message \(number)") }
            loop.stop()
        }
        loop.atEndOfPass { journal.append("end") }
        let sender = try Thread(name: "sender") { mailbox.push(7) }
        loop.run()
        sender.join()
        #expect(journal.suffix(2) == ["message 7", "end"])
    }

    @Test func `a hook that has waited for an answer has it taken in the same pass`() throws {
        let doorbell = try Doorbell()
        let mailbox = Mailbox<Int>(doorbell: doorbell, capacity: 10)
        let loop = try EventLoop(doorbell: doorbell)
        var journal: [String] = []
        loop.onWake {
            var batch: [Int] = []
            mailbox.drain(into: &batch)
            for number in batch { journal.append("message \(number)") }
        }
        loop.atEndOfPass {
            mailbox.push(7)
            loop.answerDoorbell()
            journal.append("end")
        }
        doorbell.ring()
        loop.runPass()
        #expect(journal == ["message 7", "end"])
        #expect(doorbell.beginSleep(), "nothing is left to wake for")
    }

    @Test func `bytes are echoed, megabytes through a full socket too`() throws {
        let server = try EchoServer()
        let client = try Client(server.socket.port)
        let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var sent = 0
        var received: [UInt8] = []
        server.run {
            if sent < payload.count, received.count + 1_000_000 > sent {
                sent += (try? client.send(Array(payload[sent..<min(sent + 100_000, payload.count)]))) ?? 0
            }
            received += ((try? client.receive()) ?? nil) ?? []
            return received.count == payload.count
        }
        #expect(received == payload)
        server.close()
    }

    @Test func `a client that ends its side gets the rest and then the end`() throws {
        let server = try EchoServer()
        let client = try Client(server.socket.port)
        _ = try client.send([1, 2, 3])
        _ = platform_shutdown_write(client.descriptor.number)
        var received: [UInt8] = []
        var hasEnded = false
        server.run {
            guard let bytes = try? client.receive() else {
                hasEnded = true
                return true
            }
            received += bytes
            return false
        }
        #expect(received == [1, 2, 3])
        #expect(hasEnded)
        server.run { server.closedCount == 1 }
        #expect(server.budget.count == 0)
        server.close()
    }

    @Test func `a connection that vanishes is closed and its budget given back`() throws {
        let server = try EchoServer()
        var client: Client? = try Client(server.socket.port)
        _ = try client?.send([1])
        server.run { server.budget.count == 1 }
        client = nil
        server.run { server.closedCount == 1 }
        #expect(server.budget.count == 0)
        server.close()
    }

    @Test func `connections beyond the budget wait until one closes`() throws {
        let server = try EchoServer(limit: 1)
        var first: Client? = try Client(server.socket.port)
        let second = try Client(server.socket.port)
        _ = try first?.send([1])
        _ = try second.send([2])
        var received: [UInt8] = []
        server.run {
            received += ((try? first?.receive()) ?? nil) ?? []
            return received == [1]
        }
        #expect(try second.receive() == [])
        first = nil
        received = []
        server.run {
            received += ((try? second.receive()) ?? nil) ?? []
            return received == [2]
        }
        #expect(received == [2])
        server.close()
    }

    @Test func `two loops share one listening socket`() throws {
        let first = try EchoServer()
        let second = try EchoServer(socket: first.socket)
        let one = try Client(first.socket.port)
        first.run { first.budget.count == 1 }
        let other = try Client(first.socket.port)
        second.run { second.budget.count == 1 }
        #expect(first.budget.count == 1 && second.budget.count == 1)
        withExtendedLifetime((one, other)) {}
        first.close()
        second.close()
    }

    @Test func `a port in use is named as Go names it`() throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let error = #expect(throws: NetError.self) {
            try ListeningSocket(.tcp(host: "127.0.0.1", port: socket.port))
        }
        #expect(error?.isAddressInUse == true)
        #expect(error?.description == "bind: address already in use")
    }

    @Test func `a name that does not resolve is an error, localhost is IPv4`() throws {
        #expect(throws: NetError.self) { try ListeningSocket(.tcp(host: "no.such.host.invalid", port: 0)) }
        let socket = try ListeningSocket(.tcp(host: "localhost", port: 0))
        _ = try Client(socket.port)
    }

    @Test func `a wildcard listens for IPv4 too`() throws {
        for host in ["", "0.0.0.0", "::"] {
            let socket = try ListeningSocket(.tcp(host: host, port: 0))
            _ = try Client(socket.port)
        }
    }

    @Test func `an event of a registration that is gone finds no handler`() {
        final class Handler: ReadinessHandler { func ready(_: Readiness) {} }
        var registrations = Registrations()
        let first = registrations.add(Handler())
        registrations.remove(first)
        let second = registrations.add(Handler())
        #expect(first.slot == second.slot)
        #expect(registrations.handler(first.eventData) == nil)
        #expect(registrations.handler(second.eventData) != nil)
        #expect(registrations.handler(Registrations.doorbell) == nil)
    }

    @Test func `IPv6 addresses are written as RFC 5952 asks`() {
        #expect(SocketAddress.compressed([0, 0, 0, 0, 0, 0, 0, 1]) == "::1")
        #expect(SocketAddress.compressed([0x2001, 0xdb8, 0, 0, 1, 0, 0, 1]) == "2001:db8::1:0:0:1")
        #expect(SocketAddress.compressed([1, 0, 2, 0, 3, 0, 4, 5]) == "1:0:2:0:3:0:4:5")
        #expect(SocketAddress.compressed([1, 0, 0, 0, 0, 0, 0, 0]) == "1::")
    }
}
