import HTTP
import Journal
import Logging
import Net
import Raft
import Store
import Telemetry

/// Takes snapshots of other members: POST /raft/snapshot, whose body is an envelope and a `.snap` file.
///
/// The loop hands the bytes to a thread, which writes, verifies and syncs them; only then is the owner told,
/// and the sender answered. A newer one from the same sender ends the older.
final class SnapshotReceiver {
    private let context: PeerContext
    private let events: TransferEvents
    private let directory: SnapshotDirectory
    private var downloads: [UInt64: SnapshotDownload] = [:]

    init(_ context: PeerContext, _ events: TransferEvents, _ directory: SnapshotDirectory) {
        self.context = context
        self.events = events
        self.directory = directory
    }

    /// Who takes the body of a request; nil when it was answered already.
    func receiver(_ request: WebRequest, _ responder: WebResponder) -> SnapshotDownload? {
        if let refusal = refusal(request) {
            responder.respond(refusal)
            return nil
        }
        let sender = PeerHeaders.sender(request)
        for download in downloads.values where download.sender == sender {
            download.refuse(503, "superseded by a newer snapshot")
        }
        guard downloads.count < context.settings.snapshotReceivesMax else {
            responder.respond(
                PeerHeaders.text(503, "too many snapshots are being received", context.identity))
            return nil
        }
        let download = SnapshotDownload(sender, responder, context, events, directory) {
            [weak self] download in self?.downloads[download.number] = nil
        }
        downloads[download.number] = download
        return download
    }

    /// The answer to a request without a body.
    func refusal(ofEmpty request: WebRequest) -> WebResponse {
        refusal(request)
            ?? PeerHeaders.text(400, "failed to decode raft message (EOF)", context.identity)
    }

    func checkProgress() { for download in Array(downloads.values) { download.checkProgress() } }

    func close() { for download in Array(downloads.values) { download.cancelled() } }

    private func refusal(_ request: WebRequest) -> WebResponse? {
        if let refusal = PeerHeaders.refusal(request, method: "POST", context.identity) { return refusal }
        if let sender = PeerHeaders.sender(request), context.removed.contains(sender) {
            return PeerHeaders.json(403, "the member has been removed from the cluster", context.identity)
        }
        guard request.header(PeerHeaders.snapshotFormat) == PeerHeaders.ownSnapshotFormat else {
            return PeerHeaders.text(
                415, "unsupported snapshot format: this member takes \(PeerHeaders.ownSnapshotFormat) only",
                context.identity)
        }
        return nil
    }
}

/// One snapshot on its way in: envelope ──▶ file ──body ended──▶ verifying ──▶ over.
final class SnapshotDownload: WebBodyReceiver {
    let number: UInt64
    let sender: MemberID?
    private let context: PeerContext
    private let events: TransferEvents
    private let directory: SnapshotDirectory
    private let start: MonotonicTime
    private let over: (SnapshotDownload) -> Void
    private var responder: WebResponder?
    private var envelope: EnvelopeDecoder
    private var message: Message?
    private var pipe: BytePipe?
    private var lastProgress: MonotonicTime
    private var isBodyWhole = false

    private static let pipeBytes = 1 << 20
    /// How often the sender hears that its snapshot is still being verified.
    private static let patienceInterval: Duration = .seconds(1)

    init(
        _ sender: MemberID?, _ responder: WebResponder, _ context: PeerContext, _ events: TransferEvents,
        _ directory: SnapshotDirectory, _ over: @escaping (SnapshotDownload) -> Void
    ) {
        self.sender = sender
        self.responder = responder
        self.context = context
        self.events = events
        self.directory = directory
        self.over = over
        number = events.nextNumber()
        start = context.loop.now
        lastProgress = start
        envelope = EnvelopeDecoder(bytesMax: context.settings.envelopeBytesMax)
        transfers?.inFlight.add(1)
    }

    func received(_ piece: [UInt8]) {
        guard responder != nil else { return }
        lastProgress = context.loop.now
        if message != nil { return write(piece) }
        do throws(EnvelopeError) {
            guard let (message, rest) = try envelope.receive(piece) else { return }
            try begin(message)
            if !rest.isEmpty { write(rest) }
        } catch {
            switch error {
            case .tooLarge: refuse(400, "failed to decode raft message (too large)")
            case .malformed: refuse(400, "failed to decode raft message (malformed)")
            case .wrongType: refuse(400, "wrong raft message type")
            }
        }
    }

    private func begin(_ message: Message) throws(EnvelopeError) {
        guard case .snapshot(let metadata) = message.payload else { throw .wrongType }
        guard message.to == context.identity.member else { return refuse(412, "to field mismatch") }
        if context.removed.contains(message.from) { return refuse(403, "the member has been removed") }
        self.message = message
        do throws(NetError) {
            let pipe = try events.pipe(number, capacity: Self.pipeBytes)
            self.pipe = pipe
            try events.start(number, woken: { [weak self] in self?.responder?.resumeBody() }) {
                [directory, number] in
                Self.store(pipe, directory, number, metadata.id)
            } finished: { [weak self] failure in
                self?.stored(failure, directory: metadata.id)
            }
        } catch {
            refuse(500, "\(error)")
        }
    }

    /// The thread's work: everything to disk, then verified. Answers why it failed.
    private static func store(
        _ pipe: BytePipe, _ directory: SnapshotDirectory, _ number: UInt64, _ position: EntryID
    ) -> String? {
        do throws(JournalError) {
            var file = try ReceivedSnapshot(in: directory, number: number)
            while true {
                switch pipe.readFromThread() {
                case .bytes(let piece): try file.append(piece)
                case .cancelled: return "cancelled"
                case .ended:
                    _ = try file.finish(position: position)
                    return nil
                }
            }
        } catch {
            return "\(error)"
        }
    }

    private func write(_ piece: [UInt8]) {
        if pipe?.writeFromLoop(piece) == false { responder?.pauseBody() }
    }

    func ended() {
        guard responder != nil else { return }
        guard message != nil else { return refuse(400, "failed to decode raft message (unexpected EOF)") }
        isBodyWhole = true
        pipe?.endFromLoop()
        askForPatience()
    }

    private func askForPatience() {
        context.loop.schedule(after: Self.patienceInterval) { [weak self] in
            guard let self, let responder else { return }
            responder.keepWaiting()
            askForPatience()
        }
    }

    private func stored(_ failure: String?, directory position: EntryID) {
        guard responder != nil, let message else { return }
        if let failure { return refuse(500, "snapshot not saved: \(failure)") }
        context.logger.info(
            "snapshot received",
            metadata: ["from": "\(message.from.hex)", "index": "\(position.index.rawValue)"])
        transfers?.successes.add()
        transfers?.duration.observe(
            Double((context.loop.now - start).saturatedNanoseconds) / 1e9)
        finish(
            WebResponse(
                status: 204,
                headers: [WebHeader(PeerHeaders.cluster, String(context.identity.cluster, radix: 16))]))
        context.host?.received(snapshot: message, at: directory.path(of: position))
    }

    /// Ends it with an answer.
    func refuse(_ status: Int, _ text: String) {
        guard responder != nil else { return }
        transfers?.failures.add()
        context.logger.warning(
            "snapshot refused",
            metadata: ["from": "\(sender?.hex ?? "unknown")", "error": "\(text)"])
        finish(PeerHeaders.text(status, text, context.identity))
    }

    func cancelled() {
        guard responder != nil else { return }
        transfers?.failures.add()
        finish(nil)
    }

    func checkProgress() {
        guard !isBodyWhole, context.loop.now - lastProgress >= context.settings.snapshotStallTimeout else {
            return
        }
        refuse(408, "no progress")
    }

    private func finish(_ answer: WebResponse?) {
        let responder = responder
        self.responder = nil
        transfers?.inFlight.add(-1)
        pipe?.cancel()
        over(self)
        if let answer { responder?.respond(answer) }
    }

    /// The metrics of what this sender sends.
    private var transfers: (inFlight: Gauge, successes: Counter, failures: Counter, duration: Histogram)? {
        guard let sender = sender?.hex else { return nil }
        let all = context.network.snapshotsReceived
        return (
            all.inFlight.with(sender), all.successes.with(sender), all.failures.with(sender),
            all.duration.with(sender)
        )
    }
}
