import CPlatform
import Net

/// The server side of one HTTP/1.1 connection: bytes in, requests out, and back. No socket, no clock.
///
///     reading ──whole request──▶ answering ──respond──▶ reading (keep-alive) or ending
///        │                          └──stream──▶ streaming ──finish──▶ ending
///        ├──head, and the application takes the body──▶ receiving ──body ended──▶ answering
///        │                          └──respond before that──▶ ending
///        └──broken or too large: error response──▶ ending
///
/// A request whose body goes to a receiver may take as long as the application lets it.
/// Pipelined requests wait in the buffer, one is answered at a time; beyond the bound of one request
/// the connection is closed, as no client pipelines that much.
final class HTTP1Session {
    /// Answers not yet written beyond which no further request is taken up.
    private static let outputBytesMax = 256 * 1024

    /// Output kept allocated by a stream between two writes.
    private static let streamCapacityKept = 64 * 1024
    /// What a chunk's length takes: eight digits and a line end, so that it can be filled in afterwards.
    private static let chunkHeadBytes = 10

    private enum State {
        case reading
        case receiving(any WebBodyReceiver)
        case answering
        case streaming(any WebStreamSource)
        case ending
    }

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

    private var isReading: Bool { if case .reading = state { true } else { false } }

    /// Input is taken up: a request is being read, or its body.
    private var takesInput: Bool {
        switch state {
        case .reading, .receiving: true
        case .answering, .streaming, .ending: false
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let host else { return }
        switch state {
        case .streaming, .ending: return  // nothing follows a request that is answered without end
        case .reading, .receiving, .answering: break
        }
        if parser.isEmpty, isReading {
            readDeadline = host.now + limits.handshakeTimeout
            host.wake(at: readDeadline)
        }
        unsafe parser.append(bytes)
        if parser.isOverfull { return host.close() }
        if takesInput { advance() }
    }

    private func advance() {
        while takesInput, output.count - outputStart < Self.outputBytesMax {
            switch parser.next() {
            case .needsMore: return
            case .expectsContinue: write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            case .head(let head): announceBody(head)
            case .piece(let piece): if case .receiving(let receiver) = state { receiver.received(piece) }
            case .request(let head, let body): take(head, body)
            case .refused(let refusal): refuse(refusal)
            }
        }
    }

    private func announceBody(_ head: HTTP1Head) {
        guard let receiver = application.bodyReceiver(request(head, []), responder(head)) else { return }
        guard isReading else { return }  // answered at once: the body is not taken
        parser.streamBody()
        state = .receiving(receiver)
    }

    private func take(_ head: HTTP1Head, _ body: [UInt8]) {
        if case .receiving(let receiver) = state {
            state = .answering
            receiver.ended()
        } else {
            state = .answering
            application.handle(request(head, body), responder(head))
        }
    }

    private func request(_ head: HTTP1Head, _ body: [UInt8]) -> WebRequest {
        WebRequest(
            method: head.method, path: head.path, query: head.query, headers: head.headers, body: body,
            peer: peer)
    }

    private func responder(_ head: HTTP1Head) -> WebResponder {
        WebResponder(self, keepsAlive: head.keepsAlive, isHead: head.method == "HEAD")
    }

    func respond(_ response: WebResponse, keepsAlive: Bool, isHead: Bool) {
        guard let host else { return }
        let isBodyTaken: Bool
        switch state {
        case .answering: isBodyTaken = true
        case .reading, .receiving: isBodyTaken = false
        case .streaming, .ending: return
        }
        let continues = isBodyTaken && keepsAlive && !isDraining && !hasInputEnded
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
        host?.resumeReading()
        host?.closeWhenFlushed()
    }

    func stream(_ head: WebResponse, _ source: any WebStreamSource) {
        guard host != nil, case .answering = state else { return source.closed() }
        state = .streaming(source)
        write(HTTP1Response.encodeHead(ofStream: head))
    }

    func requestFlush() { host?.requestFlush() }

    func finishStream() {
        guard case .streaming(let source) = state else { return }
        write(Array("0\r\n\r\n".utf8))
        end()
        source.closed()
    }

    func cut() { host?.close() }

    func keepWaiting() {
        switch state {
        case .receiving, .answering: write(Array("HTTP/1.1 102 Processing\r\n\r\n".utf8))
        case .reading, .streaming, .ending: break
        }
    }

    func pauseBody() {
        if case .receiving = state { host?.pauseReading() }
    }

    func resumeBody() { host?.resumeReading() }

    private func write(_ bytes: [UInt8]) {
        output += bytes
        host?.requestFlush()
    }

    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch state {
        case .reading, .receiving: advance()
        case .streaming(let source): appendChunk(source, room: buffer.count)
        case .answering, .ending: break
        }
        let count = min(buffer.count, output.count - outputStart)
        let range = outputStart..<outputStart + count
        unsafe output.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[range])) }
        outputStart += count
        if outputStart == output.count { forgetOutput() }
        return count
    }

    private func forgetOutput() {
        outputStart = 0
        if case .streaming = state, output.capacity <= Self.streamCapacityKept {
            output.removeAll(keepingCapacity: true)
        } else {
            output = []  // an idle connection holds no buffer
        }
    }

    /// One chunk with what the source has; its length is filled in when it is known.
    private func appendChunk(_ source: any WebStreamSource, room: Int) {
        if outputStart > 0 {
            output.removeFirst(outputStart)  // what a large item left over
            outputStart = 0
        }
        guard output.count + Self.chunkHeadBytes < room else { return }
        let start = output.count
        output.append(contentsOf: "00000000\r\n".utf8)
        source.produce(into: &output, limit: room)
        let size = output.count - start - Self.chunkHeadBytes
        precondition(size >= 0, "a source only appends")
        if size == 0 { return output.removeLast(Self.chunkHeadBytes) }
        for digit in 0..<8 {
            let nibble = UInt8(truncatingIfNeeded: size >> (4 * (7 - digit))) & 15
            output[start + digit] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
        }
        output.append(contentsOf: "\r\n".utf8)
    }

    /// The client sends no more: what it asked is still answered.
    func inputEnded() {
        hasInputEnded = true
        switch state {
        case .reading: host?.closeWhenFlushed()
        case .receiving, .streaming: host?.close()  // a torn body; or nobody listens any more
        case .answering, .ending: break
        }
    }

    func drain() {
        isDraining = true
        switch state {
        case .reading: host?.closeWhenFlushed()
        case .streaming: finishStream()
        case .receiving, .answering, .ending: break
        }
    }

    func tick() {
        guard isReading, let host else { return }
        if host.now < readDeadline { return host.wake(at: readDeadline) }
        if parser.isEmpty { host.closeWhenFlushed() } else { refuse(.timeout) }
    }

    func closed() {
        host = nil
        let ended = state
        state = .ending
        switch ended {
        case .receiving(let receiver): receiver.cancelled()
        case .streaming(let source): source.closed()
        case .reading, .answering, .ending: break
        }
    }
}
