import Net

/// What the client connections of one loop have in common.
package final class GRPCClientConfiguration {
    package let limits: HTTPLimits

    package init(limits: HTTPLimits) { self.limits = limits }

    /// A client trusts its server more than a server its clients: messages of any size, as etcd's client.
    package static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.messageBytesMax = Int(Int32.max)
        limits.partialBytesMax = Int(Int32.max)
        return limits
    }
}

/// The client side of one HTTP/2 connection: any number of gRPC calls at a time.
///
/// The socket is given (`Connector`). When it closes, every open call ends with code 14, then `whenClosed` is
/// called, once.
package final class GRPCClientConnection: ByteMachine, SessionHost {
    private let connection: Connection
    private var session: HTTP2ClientSession?
    private var wakeUp = WakeUp()
    private var whenClosed: (() -> Void)?

    /// Takes over a connection; when epoll refuses it, it is closed at once.
    package init(
        _ connection: Connection, _ configuration: GRPCClientConfiguration, whenClosed: @escaping () -> Void
    ) {
        self.connection = connection
        self.whenClosed = whenClosed
        session = HTTP2ClientSession(limits: configuration.limits, host: self)
        do throws(NetError) { try connection.attach(self) } catch {}  // closed: `acceptsCalls` tells
        requestFlush()
    }

    /// False when a new call must go to another connection.
    package var acceptsCalls: Bool { connection.isOpen && session?.acceptsCalls == true }
    /// Calls that have begun and not ended.
    package var callCount: Int { session?.streams.count ?? 0 }
    package var peer: String { connection.peer.description }

    /// Begins a call; false, with its handler untold, when `acceptsCalls` is.
    package func begin(_ call: GRPCClientCall) -> Bool { session?.begin(call) ?? false }

    // The connection's side.

    package func received(_ bytes: UnsafeRawBufferPointer) { unsafe session?.receive(bytes) }

    package func inputEnded() { connection.close() }

    package func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe session?.produce(into: buffer) ?? 0
    }

    package var isSilent: Bool { session?.isSilent ?? false }

    package func closed() {
        wakeUp.cancel(on: connection.loop)
        let ended = session
        session = nil
        if let failure = connection.failure { ended?.failed(failure) }
        ended?.closed()
        whenClosed?()
        whenClosed = nil
    }

    // The session's side (`SessionHost`).

    package var now: MonotonicTime { connection.loop.now }
    package var peerDescription: String { connection.peer.description }
    package func requestFlush() { connection.requestFlush() }
    package func pauseReading() { connection.pauseReading() }
    package func resumeReading() { connection.resumeReading() }
    package func closeWhenFlushed() { connection.closeWhenFlushed() }
    /// Cuts the connection, if not from within a call of it then after it.
    package func close() { connection.close() }

    package func wake(at time: MonotonicTime) {
        // `closed` cancels it. Not weak: an object that was ever weakly held pays for every reference
        // counted.
        wakeUp.ask(at: time, on: connection.loop) { [unowned self] in
            wakeUp.fired()
            session?.tick()
        }
    }
}
