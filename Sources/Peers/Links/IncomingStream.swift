import HTTP
import Net
import Raft
import Store
import Telemetry

/// A stream that this member dials to receive from another, and dials again whenever it is lost.
///
///     waiting ──redialPause──▶ dialling ──connected──▶ asking ──200──▶ streaming
///        ▲                        │ failed               │ refused         │ lost, or silent for readTimeout
///        └────────────────────────┴──────────────────────┴─────────────────┘
///
/// and from anywhere to `stopped`, which also a 410 leads to: this member is no longer one. The URL that
/// failed is left for the peer's next.
final class IncomingStream: HTTPExchange {
    private enum State {
        case stopped
        case waiting(Timer)
        case dialling(ConnectAttempt)
        case asking(HTTPClientConnection)
        case streaming(HTTPClientConnection)
    }

    private enum Decoder {
        case appends(AppendStreamDecoder)
        case messages(MessageStreamDecoder)
    }

    let kind: StreamKind
    private unowned let peer: Peer
    private let context: PeerContext
    private var state = State.stopped
    private var decoder: Decoder
    private var batch: [Message] = []
    private var url = ""
    /// The beginning of a refusal's text.
    private var refusal: (status: Int, text: [UInt8])?

    private static let refusalBytesKept = 200

    init(_ kind: StreamKind, _ peer: Peer, _ context: PeerContext) {
        self.kind = kind
        self.peer = peer
        self.context = context
        decoder = Self.decoder(kind, peer, context)
    }

    private static func decoder(_ kind: StreamKind, _ peer: Peer, _ context: PeerContext) -> Decoder {
        let limit = context.settings.messageBytesMax
        switch kind {
        case .appends:
            return .appends(
                AppendStreamDecoder(from: peer.id, to: context.identity.member, messageBytesMax: limit))
        case .messages: return .messages(MessageStreamDecoder(messageBytesMax: limit))
        }
    }

    /// Something was read within the last `readTimeout`.
    var isUp: Bool { if case .streaming = state { true } else { false } }

    func start() { if case .stopped = state { dial() } }

    func stop() {
        let ended = state
        state = .stopped
        switch ended {
        case .stopped: break
        case .waiting(let timer): context.loop.cancel(timer)
        case .dialling(let attempt): attempt.cancel()
        case .asking(let connection), .streaming(let connection): connection.close()
        }
    }

    /// Leaves the present connection and dials the peer's URL of now.
    func redial() {
        if case .stopped = state { return }
        stop()
        dial()
    }

    /// Closes the stream when it has been silent for too long.
    func checkSilence() {
        switch state {
        case .asking(let connection), .streaming(let connection):
            guard context.loop.now - connection.lastRead >= context.settings.readTimeout else { return }
            lose("read timeout")
        case .stopped, .waiting, .dialling: break
        }
    }

    private func dial() {
        guard let url = peer.urls.current, let target = PeerURL(url) else {
            return wait(peer.urls.current.map { "unsupported peer URL \($0)" } ?? "no peer URL")
        }
        self.url = url
        refusal = nil
        let attempt = context.connector.connect(
            host: target.host, port: target.port, timeout: context.settings.dialTimeout
        ) { [weak self] result in
            guard let self else {
                if case .success(let connection) = result { connection.close() }
                return
            }
            switch result {
            case .success(let connection): ask(HTTPClientConnection(connection), target)
            case .failure(let error): lose("\(error)")
            }
        }
        state = .dialling(attempt)
    }

    private func ask(_ connection: HTTPClientConnection, _ target: PeerURL) {
        guard connection.isIdle else { return lose("connection lost") }
        state = .asking(connection)
        decoder = Self.decoder(kind, peer, context)
        let identity = context.identity
        let request = HTTP1Request(
            method: "GET", target: "\(kind.path)/\(identity.member.hex)", host: target.authority,
            headers: PeerHeaders.ofRequest(identity) + [WebHeader(PeerHeaders.to, peer.id.hex)])
        connection.send(request, self)
    }

    func began(_ head: HTTP1ResponseHead) {
        guard case .asking(let connection) = state else { return }
        guard head.status == 200 else {
            refusal = (head.status, [])
            if head.status == 410 { context.removed(by: peer.id) }
            return
        }
        state = .streaming(connection)
        peer.incomingChanged(kind, nil)
    }

    func received(_ bytes: borrowing RawSpan) {
        guard isUp else {
            if let count = refusal?.text.count, count < Self.refusalBytesKept {
                // Safe: the buffer does not leave the closure; append copies it.
                unsafe bytes.withUnsafeBytes { unsafe refusal?.text.append(contentsOf: $0) }
            }
            return
        }
        peer.metrics.receivedBytes.add(bytes.byteCount)
        do throws(StreamError) {
            try decode(bytes)
        } catch {
            peer.metrics.receivedFailures.add()
            deliver()
            return lose("malformed stream: \(error)")
        }
        deliver()
    }

    private func decode(_ bytes: borrowing RawSpan) throws(StreamError) {
        switch decoder {
        case .appends(var decoder):
            self.decoder = Self.none
            try decoder.receive(bytes, into: &batch)
            self.decoder = .appends(decoder)
        case .messages(var decoder):
            self.decoder = Self.none
            try decoder.receive(bytes, into: &batch)
            self.decoder = .messages(decoder)
        }
    }

    /// Stands in while a decoder is taken out, so that its buffer is not shared and copied.
    private static var none: Decoder { .messages(MessageStreamDecoder(messageBytesMax: 0)) }

    private func deliver() {
        if batch.isEmpty { return }
        var messages: [Message] = []
        swap(&messages, &batch)
        for message in messages { context.deliver(message) }
        messages.removeAll(keepingCapacity: true)
        if batch.isEmpty { swap(&messages, &batch) }
    }

    func ended() { lose(refusalText ?? "EOF") }

    func failed(_ error: HTTPClientError) { lose(refusalText ?? "\(PeerRequestError(error))") }

    private var refusalText: String? {
        guard let refusal else { return nil }
        let text = String(decoding: refusal.text.prefix { $0 >= 0x20 && $0 < 0x7f }, as: UTF8.self)
        return "status \(refusal.status) \(text)"
    }

    /// Closes what is open, and dials again after the pause.
    private func lose(_ reason: String) {
        if case .stopped = state { return }
        let wasUp = isUp
        peer.urls.leave(url)
        stop()
        if refusal?.status != 410 { wait(reason) }
        peer.incomingChanged(kind, reason)
        if wasUp { context.host?.unreachable(peer.id) }
    }

    private func wait(_ reason: String) {
        state = .waiting(
            context.loop.schedule(after: context.settings.redialPause) { [weak self] in self?.dial() })
    }
}
