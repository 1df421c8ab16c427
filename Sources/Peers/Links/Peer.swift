import HTTP
import Logging
import Net
import Raft
import Store
import Telemetry

/// Another member, or one that only made itself known by its requests and may become a member (etcd's
/// "remote"): that one is sent to by the pipeline alone.
final class Peer {
    let id: MemberID
    let metrics: PeerMetrics
    var urls: URLPicker
    private let context: PeerContext
    private(set) var isMember = false
    private var incoming: [IncomingStream] = []
    private var outgoing: [OutgoingStream] = []
    private lazy var pipeline = Pipeline(self, context)
    /// Why each stream from it is down, as it was logged.
    private var reasons: [StreamKind: String] = [:]

    init(_ address: PeerAddress, _ context: PeerContext) {
        id = address.id
        urls = URLPicker(address.urls)
        self.context = context
        metrics = PeerMetrics(address.id, context)
    }

    /// It is a member: dials both streams. Nothing happens the second time.
    func open() {
        if isMember { return }
        isMember = true
        metrics.isKnown.set(true)
        incoming = StreamKind.allCases.map { IncomingStream($0, self, context) }
        for stream in incoming { stream.start() }
    }

    /// Takes other URLs; streams from one that is no longer among them are dialled anew.
    func move(to urls: [String]) {
        guard urls != self.urls.urls else { return }
        let used = self.urls.current
        self.urls.change(to: urls)
        if self.urls.current != used { for stream in incoming { stream.redial() } }
    }

    /// Ends every connection; it is no peer any more.
    func close() {
        for stream in incoming { stream.stop() }
        for stream in outgoing { stream.end() }
        incoming = []
        outgoing = []
        pipeline.close()
        isMember = false
        context.links.deactivate(id)
        metrics.isActive.set(false)
        metrics.isKnown.set(false)
    }

    /// Takes a stream that it dialled; an older one of that kind ends.
    func accept(_ kind: StreamKind, _ responder: WebResponder, _ head: WebResponse) {
        if let place = outgoing.firstIndex(where: { $0.kind == kind }) {
            outgoing.remove(at: place).end()
            context.host?.unreachable(id)  // what the old one still held is lost
        }
        let sentBytes = metrics.sentBytes
        let stream = OutgoingStream(
            kind, settings: context.settings, loop: context.loop,
            sent: { sentBytes.add($0) }, lost: { [weak self] in self?.lost($0) })
        outgoing.append(stream)
        stream.begin(responder, head)
    }

    private func lost(_ stream: OutgoingStream) {
        outgoing.removeAll { $0 === stream }
        metrics.sentFailures.add()
        context.host?.unreachable(id)
    }

    /// Queues a message on the way that suits it (spec/peer.md 4); false when it was dropped.
    func send(_ message: Message) -> Bool {
        var way: OutgoingStream?
        if case .append = message.payload { way = stream(.appends) }
        way = way ?? stream(.messages)
        let isQueued = way?.send(message) ?? pipeline.send(message)
        if !isQueued { metrics.sentFailures.add() }
        return isQueued
    }

    private func stream(_ kind: StreamKind) -> OutgoingStream? { outgoing.first { $0.kind == kind } }

    /// Both streams are up, in both directions.
    var hasAllStreams: Bool {
        incoming.count == 2 && incoming.allSatisfy { $0.isUp } && outgoing.count == 2
    }

    func sendHeartbeats() { for stream in outgoing { stream.sendHeartbeat() } }

    /// Closes streams that are silent or take nothing.
    func checkStreams() {
        for stream in incoming { stream.checkSilence() }
        for stream in outgoing where stream.isStalled { stream.cut() }
    }

    /// Measures the way there and back.
    func probe() {
        guard isMember, let url = urls.current else { return }
        let start = MonotonicTime.now()
        context.client.request(
            "GET", url: url, path: "/raft/probing", timeout: context.settings.answerTimeout
        ) { [metrics] result in
            guard case .success(let answer) = result, answer.status == 200 else { return }
            let nanoseconds = (MonotonicTime.now() - start).saturatedNanoseconds
            metrics.roundTripTime.observe(Double(nanoseconds) / 1e9)
        }
    }

    /// A stream from it came up (no reason) or was lost.
    func incomingChanged(_ kind: StreamKind, _ reason: String?) {
        let isUp = incoming.contains { $0.isUp }
        let wasUp = context.links.activeSince(id) != nil
        if isUp { context.links.activate(id, at: context.loop.now) } else { context.links.deactivate(id) }
        metrics.isActive.set(isUp)
        if wasUp, !isUp { metrics.disconnections.add() }
        log(kind, reason)
    }

    /// Once per change: a member that is down is dialled ten times a second.
    private func log(_ kind: StreamKind, _ reason: String?) {
        if let reason, reasons[kind] == reason { return }
        reasons[kind] = reason
        let metadata: Logger.Metadata = ["peer": "\(id.hex)", "stream": "\(kind.name)"]
        if let reason {
            context.logger.warning(
                "no stream from peer", metadata: metadata.merging(["error": "\(reason)"]) { $1 })
        } else {
            context.logger.info("stream from peer is up", metadata: metadata)
        }
    }
}
