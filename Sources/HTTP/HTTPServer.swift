import Net

/// Serves gRPC and HTTP/1.1 on one event loop: accepts, sniffs, and owns the connections.
///
/// A process has one per loop and kind of port; several loops serve one `ListeningSocket`. Everything
/// here happens on the loop's thread.
package final class HTTPServer {
    package let loop: EventLoop
    package let configuration: HTTPConfiguration
    let grpc: (any GRPCApplication)?
    let web: (any WebApplication)?
    private let budget: ConnectionBudget
    private let carry: ((Connection) -> Void)?
    private var listeners: [Listener] = []
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var whenDrained: (() -> Void)?

    /// A server of the given applications; without one, its protocol is refused (the connection is
    /// closed). `budget` may be shared by the servers of all loops. `carry` gets every accepted
    /// connection first, to attach a carrier (TLS).
    package init(
        loop: EventLoop, configuration: HTTPConfiguration, grpc: (any GRPCApplication)?,
        web: (any WebApplication)?, budget: ConnectionBudget, carry: ((Connection) -> Void)? = nil
    ) {
        self.loop = loop
        self.configuration = configuration
        self.grpc = grpc
        self.web = web
        self.budget = budget
        self.carry = carry
    }

    /// Accepts from a socket until `drain` or `close`.
    package func serve(_ socket: ListeningSocket) throws(NetError) {
        let listener = try Listener(loop: loop, socket: socket, budget: budget) {
            [unowned self] (descriptor: consuming Descriptor, peer) in
            adopt(descriptor, peer)
        }
        listeners.append(listener)
    }

    /// Connections open on this loop.
    package var connectionCount: Int { connections.count }

    /// Accepts no more and lets what is open finish: GOAWAY to HTTP/2 clients, one last answer to
    /// HTTP/1.1 ones. Calls that never end (watches) are the application's to finish. What is still
    /// open after `grace` is cut. `done` is called once, on the loop, when no connection is left.
    package func drain(grace: Duration, _ done: @escaping () -> Void) {
        precondition(whenDrained == nil, "a server is drained once")
        stopListening()
        whenDrained = done
        for connection in Array(connections.values) { connection.drain() }
        if connections.isEmpty { return finish() }
        loop.schedule(after: grace) { [weak self] in self?.close() }
    }

    /// Accepts no more and cuts every connection.
    package func close() {
        stopListening()
        for connection in Array(connections.values) { connection.close() }
    }

    private func stopListening() {
        for listener in listeners { listener.close() }
        listeners = []
    }

    private func adopt(_ descriptor: consuming Descriptor, _ peer: SocketAddress) {
        let connection = Connection(loop: loop, descriptor: descriptor, peer: peer, budget: budget)
        let machine = HTTPConnection(server: self, connection: connection)
        connections[ObjectIdentifier(machine)] = machine
        carry?(connection)
        do throws(NetError) {
            try connection.attach(machine)
        } catch {
            // epoll has no memory for one more: the connection is closed and forgotten already.
        }
    }

    func forget(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connections.isEmpty { finish() }
    }

    private func finish() {
        let done = whenDrained
        whenDrained = nil
        done?()
    }
}
