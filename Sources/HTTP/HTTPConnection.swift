import Net

/// One accepted connection: finds out what the client speaks and hands its bytes to that session.
///
/// States: sniffing ──HTTP/2 preface──▶ http2 ; sniffing ──anything else──▶ http1 ; all ──▶ closed.
/// The first bytes decide: "PRI " begins HTTP/2's preface and no HTTP/1.1 request (RFC 9113 section 3.4).
final class HTTPConnection: ByteMachine, SessionHost {
    private enum Speaking {
        case sniffing([UInt8])
        case http2(HTTP2ServerSession)
        case http1(HTTP1Session)
        case closed
    }

    private let server: HTTPServer
    private let connection: Connection
    private let handshakeDeadline: MonotonicTime
    private var speaking = Speaking.sniffing([])
    private var wakeUp = WakeUp()

    init(server: HTTPServer, connection: Connection) {
        self.server = server
        self.connection = connection
        handshakeDeadline = connection.loop.now + server.configuration.limits.handshakeTimeout
        wake(at: handshakeDeadline)
    }

    // The connection's side.

    func received(_ bytes: UnsafeRawBufferPointer) {
        switch speaking {
        case .sniffing(let earlier): unsafe sniff(earlier, bytes)
        case .http2(let session): unsafe session.receive(bytes)
        case .http1(let session): unsafe session.receive(bytes)
        case .closed: break
        }
    }

    private func sniff(_ earlier: [UInt8], _ bytes: UnsafeRawBufferPointer) {
        let start = unsafe earlier + bytes
        let mark: StaticString = "PRI "
        let isHTTP2: Bool
        if start.count >= mark.utf8CodeUnitCount {
            isHTTP2 = unsafe start.withUnsafeBytes { unsafe hasPrefix($0, mark) }
        } else if unsafe start.withUnsafeBytes({ unsafe isPrefix($0, of: mark) }) {
            speaking = .sniffing(start)
            return
        } else {
            isHTTP2 = false
        }
        guard choose(isHTTP2: isHTTP2) else { return connection.close() }
        unsafe start.withUnsafeBytes { unsafe received($0) }
    }

    /// Makes the session; false when this server does not speak that protocol.
    private func choose(isHTTP2: Bool) -> Bool {
        if isHTTP2 {
            guard let application = server.grpc else { return false }
            speaking = .http2(
                HTTP2ServerSession(
                    configuration: server.configuration, application: application, host: self))
        } else {
            guard let application = server.web else { return false }
            speaking = .http1(
                HTTP1Session(
                    limits: server.configuration.limits, application: application, peer: connection.peer,
                    host: self))
        }
        return true
    }

    func inputEnded() {
        if case .http1(let session) = speaking { session.inputEnded() } else { connection.close() }
    }

    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if let session = unsafe http2 {
            // No reference is counted: it is told only afterwards that it is closed.
            return unsafe session._withUnsafeGuaranteedRef { unsafe $0.produce(into: buffer) }
        }
        if case .http1(let session) = speaking { return unsafe session.produce(into: buffer) }
        return 0
    }

    private var http2: Unmanaged<HTTP2ServerSession>? {
        if case .http2(let session) = speaking { unsafe .passUnretained(session) } else { nil }
    }

    var isSilent: Bool {
        if case .http2(let session) = speaking { session.isSilent } else { false }
    }

    func closed() {
        wakeUp.cancel(on: connection.loop)
        let ended = speaking
        speaking = .closed
        server.forget(self)
        switch ended {
        case .http2(let session): session.closed()
        case .http1(let session): session.closed()
        case .sniffing, .closed: break
        }
    }

    /// Finishes what is open and closes.
    func drain() {
        switch speaking {
        case .http2(let session): session.drain()
        case .http1(let session): session.drain()
        case .sniffing: connection.close()
        case .closed: break
        }
    }

    // The session's side.

    var now: MonotonicTime { connection.loop.now }
    var peerDescription: String { connection.peer.description }
    func requestFlush() { connection.requestFlush() }
    func pauseReading() { connection.pauseReading() }
    func resumeReading() { connection.resumeReading() }
    func closeWhenFlushed() { connection.closeWhenFlushed() }
    func close() { connection.close() }

    func wake(at time: MonotonicTime) {
        wakeUp.ask(at: time, on: connection.loop) { [unowned self] in tick() }
    }

    private func tick() {
        wakeUp.fired()
        switch speaking {
        case .sniffing: connection.close()
        case .http2(let session):
            if !session.isGreeted, now >= handshakeDeadline { return connection.close() }
            session.tick()
        case .http1(let session): session.tick()
        case .closed: break
        }
    }
}

/// The bytes are how the literal begins.
private func isPrefix(_ bytes: UnsafeRawBufferPointer, of literal: StaticString) -> Bool {
    guard bytes.count <= literal.utf8CodeUnitCount else { return false }
    return unsafe isEqual(bytes, UnsafeRawBufferPointer(start: literal.utf8Start, count: bytes.count))
}
