import CPlatform

/// Dials TCP connections from one event loop, without blocking it.
///
/// The addresses of a name are tried one after the other within one time for all of them.
package final class Connector {
    fileprivate let loop: EventLoop
    fileprivate let budget: ConnectionBudget
    fileprivate let resolver: Resolver

    /// `budget` bounds dialled connections together with whatever else draws on it.
    package init(loop: EventLoop, budget: ConnectionBudget) {
        self.loop = loop
        self.budget = budget
        resolver = Resolver(loop: loop)
    }

    /// Calls `done` exactly once on the loop, never from within this call, unless the attempt is cancelled
    /// before: with a connection that waits for its machine (`Connection.attach`), or why there is none.
    package func connect(
        host: String, port: UInt16, timeout: Duration,
        _ done: @escaping (Result<Connection, NetError>) -> Void
    ) -> ConnectAttempt {
        let attempt = ConnectAttempt(self, done)
        attempt.begin(Resolver.Name(host: host, port: port), timeout)
        return attempt
    }
}

/// A connection on its way. States: resolving ──▶ connecting (to one address after the other) ──▶ over.
package final class ConnectAttempt: ReadinessHandler {
    private let connector: Connector
    private var done: ((Result<Connection, NetError>) -> Void)?
    private var addresses: ArraySlice<SocketAddress> = []
    private var descriptor: Descriptor?
    private var registration: Registration?
    private var timer: Timer?

    fileprivate init(_ connector: Connector, _ done: @escaping (Result<Connection, NetError>) -> Void) {
        self.connector = connector
        self.done = done
    }

    /// Gives the attempt up; `done` is not called. Nothing happens when it is over.
    package func cancel() {
        done = nil
        abandon()
        cancelTimer()
    }

    fileprivate func begin(_ name: Resolver.Name, _ timeout: Duration) {
        timer = connector.loop.schedule(after: timeout) { [self] in
            abandon()
            finish(.failure(.system(call: "dial tcp", errno: PlatformError.timedOut)))
        }
        connector.resolver.resolve(name) { [self] answer in
            guard done != nil else { return }
            switch answer {
            case .success(let found):
                addresses = found[...]
                tryNext(.system(call: "dial tcp", errno: PlatformError.addressNotAvailable))
            case .failure(let error): finishLater(.failure(error))
            }
        }
    }

    private func tryNext(_ failure: NetError) {
        var failure = failure
        while let address = addresses.popFirst() {
            do throws(NetError) {
                return try start(address)
            } catch {
                failure = error
            }
        }
        finishLater(.failure(failure))
    }

    private func start(_ address: SocketAddress) throws(NetError) {
        guard connector.budget.take() else {
            throw .system(call: "socket", errno: PlatformError.tooManyOpen)
        }
        do throws(NetError) {
            var peer = address.address
            let number = try checked("dial tcp", unsafe platform_connect_start(&peer))
            descriptor = Descriptor(owning: number)
            self.peer = address
            registration = try connector.loop.register(connection: self, number)
        } catch {
            descriptor = nil
            connector.budget.giveBack()
            throw error
        }
    }

    private var peer: SocketAddress?

    func ready(_ events: Readiness) {
        guard let peer, let number = descriptor?.number, let registration,
            events.contains(.writable) || events.contains(.hangup)
        else { return }
        let result = platform_connect_result(number)
        guard result == 0 else {
            abandon()
            return tryNext(.system(call: "dial tcp", errno: -result))
        }
        connector.loop.deregister(registration, number)
        self.registration = nil
        guard let descriptor = descriptor.take() else { return }
        finish(
            .success(
                Connection(
                    loop: connector.loop, descriptor: descriptor, peer: peer, budget: connector.budget)))
    }

    /// Closes what is being connected.
    private func abandon() {
        guard let number = descriptor?.number else { return }
        if let registration { connector.loop.deregister(registration, number) }
        registration = nil
        descriptor = nil
        connector.budget.giveBack()
    }

    /// From the next turn of the timers, so that nobody is called from within its own call.
    private func finishLater(_ result: Result<Connection, NetError>) {
        cancelTimer()
        timer = connector.loop.schedule(after: .zero) { [self] in finish(result) }
    }

    private func finish(_ result: Result<Connection, NetError>) {
        cancelTimer()
        let done = done
        self.done = nil
        if let done { done(result) } else if case .success(let connection) = result { connection.close() }
    }

    private func cancelTimer() {
        if let timer { connector.loop.cancel(timer) }
        timer = nil
    }
}
