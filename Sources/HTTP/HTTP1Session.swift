import CPlatform
import Net

/// The server side of one HTTP/1.1 connection: bytes in, requests out, and back. No socket, no clock.
///
///     reading ──whole request──▶ answering ──respond──▶ reading (keep-alive) or ending
///        └──broken or too large: error response──▶ ending
///
/// Pipelined requests wait in the buffer, one is answered at a time; beyond the bound of one request
/// the connection is closed, as no client pipelines that much.
final class HTTP1Session {
    /// Answers not yet written beyond which no further request is taken up.
    private static let outputBytesMax = 256 * 1024

    private enum State { case reading, answering, ending }

    private let limits: HTTPLimits
    private let application: any WebApplication
    private let peer: SocketAddress
    private var host: (any SessionHost)?
    private var parser: HTTP1Parser
    private var state = State.reading
    private var output: [UInt8] = []
    private var outputStart = 0
    private var isDraining = false
    private var hasInputEnded = false
    /// When the request that is being read must be complete, or an idle connection ends.
    private var readDeadline: MonotonicTime

    init(limits: HTTPLimits, application: any WebApplication, peer: SocketAddress, host: any SessionHost) {
        self.limits = limits
        self.application = application
        self.peer = peer
        self.host = host
        parser = HTTP1Parser(limits)
        readDeadline = host.now + limits.handshakeTimeout
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard state != .ending, let host else { return }
        if parser.isEmpty, state == .reading {
            readDeadline = host.now + limits.handshakeTimeout
            host.wake(at: readDeadline)
        }
        unsafe parser.append(bytes)
        if parser.isOverfull { return host.close() }
        if state == .reading { advance() }
    }

    private func advance() {
        while state == .reading, output.count - outputStart < Self.outputBytesMax {
            switch parser.next() {
            case .needsMore: return
            case .expectsContinue: write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            case .request(let head, let body): answer(head, body)
            case .refused(let refusal): refuse(refusal)
            }
        }
    }

    private func answer(_ head: HTTP1Head, _ body: [UInt8]) {
        state = .answering
        let request = WebRequest(
            method: head.method, path: head.path, query: head.query, headers: head.headers, body: body,
            peer: peer)
        let isHead = head.method == "HEAD"
        let keepsAlive = head.keepsAlive
        application.handle(
            request,
            WebResponder { [weak self] response in
                self?.respond(response, keepsAlive: keepsAlive, isHead: isHead)
            })
    }

    private func respond(_ response: WebResponse, keepsAlive: Bool, isHead: Bool) {
        guard let host, state == .answering else { return }
        let continues = keepsAlive && !isDraining && !hasInputEnded
        write(HTTP1Response.encode(response, keepsAlive: continues, isHead: isHead))
        guard continues else { return end() }
        state = .reading
        readDeadline = host.now + (parser.isEmpty ? limits.idleTimeout : limits.handshakeTimeout)
        host.wake(at: readDeadline)
        // A pipelined request is taken up from the next flush, never from within its forerunner's answer.
    }

    private func refuse(_ refusal: HTTP1Refusal) {
        write(HTTP1Response.encode(refusal))
        end()
    }

    private func end() {
        state = .ending
        host?.closeWhenFlushed()
    }

    private func write(_ bytes: [UInt8]) {
        output += bytes
        host?.requestFlush()
    }

    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if state == .reading { advance() }
        let count = min(buffer.count, output.count - outputStart)
        let range = outputStart..<outputStart + count
        unsafe output.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[range])) }
        outputStart += count
        if outputStart == output.count {
            output = []
            outputStart = 0
        }
        return count
    }

    /// The client sends no more: what it asked is still answered.
    func inputEnded() {
        hasInputEnded = true
        if state == .reading { host?.closeWhenFlushed() }
    }

    func drain() {
        isDraining = true
        if state == .reading { host?.closeWhenFlushed() }
    }

    func tick() {
        guard state == .reading, let host else { return }
        if host.now < readDeadline { return host.wake(at: readDeadline) }
        if parser.isEmpty { host.closeWhenFlushed() } else { refuse(.timeout) }
    }

    func closed() { host = nil }
}
