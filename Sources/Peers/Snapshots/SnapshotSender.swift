import HTTP
import Journal
import Logging
import Net
import Raft
import Store
import Synchronization
import Telemetry

/// Sends `.snap` files to members that lag too far behind: one at a time to each, a thread each.
///
/// The thread reads the file at the speed that the settings allow and hands pieces to the loop through a
/// bounded pipe; the loop sends what the socket takes. So neither a slow disk nor a large snapshot makes
/// heartbeats wait.
final class SnapshotSender {
    private let context: PeerContext
    private let events: TransferEvents
    private var uploads: [UInt64: SnapshotUpload] = [:]
    private let metrics: SnapshotTransferMetrics

    init(_ context: PeerContext, _ events: TransferEvents) {
        self.context = context
        self.events = events
        metrics = context.network.snapshotsSent
    }

    /// Sends the file at `path` to a URL of `peer`.
    func send(_ message: Message, path: String, to id: MemberID, url: String?) {
        for upload in uploads.values where upload.id == id { upload.fail("superseded by a newer snapshot") }
        let count = uploads.count
        let upload = SnapshotUpload(id, context, events) { [weak self] upload, failure in
            self?.ended(upload, failure)
        }
        uploads[upload.number] = upload
        metrics.inFlight.with(id.hex).add(1)
        guard count < context.settings.snapshotSendsMax else { return upload.fail("too many snapshots") }
        guard let url, let target = PeerURL(url) else { return upload.fail("no peer URL") }
        upload.begin(message, path: path, target)
    }

    /// The member is no peer any more.
    func giveUp(on id: MemberID) {
        for upload in uploads.values where upload.id == id { upload.fail("not a member any more") }
    }

    func checkProgress() { for upload in Array(uploads.values) { upload.checkProgress() } }

    func close() { for upload in Array(uploads.values) { upload.fail("stopped") } }

    private func ended(_ upload: SnapshotUpload, _ failure: String?) {
        guard uploads.removeValue(forKey: upload.number) != nil else { return }
        let id = upload.id
        metrics.inFlight.with(id.hex).add(-1)
        if let failure {
            metrics.failures.with(id.hex).add()
            context.logger.warning(
                "snapshot not sent", metadata: ["to": "\(id.hex)", "error": "\(failure)"])
        } else {
            metrics.successes.with(id.hex).add()
            metrics.duration.with(id.hex).observe(upload.seconds)
            context.logger.info("snapshot sent", metadata: ["to": "\(id.hex)"])
        }
        // Never from within `sendSnapshot`.
        context.loop.schedule(after: .zero) { [context] in
            context.host?.snapshotSent(to: id, hasArrived: failure == nil)
        }
    }
}

/// One snapshot on its way: dialling ──▶ sending ──▶ waiting for the receiver's verdict ──▶ over.
final class SnapshotUpload: HTTPExchange {
    let id: MemberID
    let number: UInt64
    private let context: PeerContext
    private let events: TransferEvents
    private let start: MonotonicTime
    private var over: ((SnapshotUpload, String?) -> Void)?
    private var pipe: BytePipe?
    private var attempt: ConnectAttempt?
    private var connection: HTTPClientConnection?
    private var lastProgress: MonotonicTime
    private var answer: WebResponse?

    /// Bytes read ahead of the socket, and at a time.
    private static let pipeBytes = 1 << 20
    private static let pieceBytes = 128 << 10

    init(
        _ id: MemberID, _ context: PeerContext, _ events: TransferEvents,
        _ over: @escaping (SnapshotUpload, String?) -> Void
    ) {
        self.id = id
        self.context = context
        self.events = events
        self.over = over
        number = events.nextNumber()
        start = context.loop.now
        lastProgress = start
    }

    var seconds: Double { Double((context.loop.now - start).saturatedNanoseconds) / 1e9 }

    func begin(_ message: Message, path: String, _ url: PeerURL) {
        do throws(NetError) {
            let file = SnapshotFileSource(path: path)
            guard let size = file.size else { return fail("cannot read \(path)") }
            let pipe = try events.pipe(number, capacity: Self.pipeBytes)
            self.pipe = pipe
            let envelope = SnapshotEnvelope.encode(message)
            let rate = context.settings.snapshotBytesPerSecond
            try events.start(number, woken: { [weak self] in self?.connection?.requestFlush() }) {
                file.read(into: pipe, pieceBytes: Self.pieceBytes, bytesPerSecond: rate)
            } finished: { [weak self] failure in
                if let failure { self?.fail(failure) }
            }
            dial(url, length: envelope.count + size, envelope)
        } catch {
            fail("\(error)")
        }
    }

    private func dial(_ url: PeerURL, length: Int, _ envelope: [UInt8]) {
        left = envelope
        attempt = context.connector.connect(
            host: url.host, port: url.port, timeout: context.settings.dialTimeout
        ) { [weak self] result in
            guard let self, over != nil else {
                if case .success(let connection) = result { connection.close() }
                return
            }
            attempt = nil
            switch result {
            case .failure(let error): fail("\(error)")
            case .success(let socket): ask(HTTPClientConnection(socket), url, length)
            }
        }
    }

    private func ask(_ connection: HTTPClientConnection, _ url: PeerURL, _ length: Int) {
        guard connection.isIdle else { return fail("connection lost") }
        self.connection = connection
        let request = HTTP1Request(
            method: "POST", target: "/raft/snapshot", host: url.authority,
            headers: PeerHeaders.ofRequest(context.identity) + [
                WebHeader("Content-Type", "application/octet-stream"),
                WebHeader(PeerHeaders.snapshotFormat, PeerHeaders.ownSnapshotFormat),
            ], body: .stream(length: length))
        connection.send(request, self)
    }

    /// What of a piece did not fit the last write.
    private var left: [UInt8] = []

    func produceBody(into output: inout [UInt8], limit: Int) {
        while output.count < limit {
            if left.isEmpty {
                guard let piece = pipe?.readFromLoop() else { break }
                left = piece
            }
            let count = min(left.count, limit - output.count)
            output += left[..<count]
            left.removeFirst(count)
            lastProgress = context.loop.now
        }
    }

    func began(_ head: HTTP1ResponseHead) { answer = WebResponse(status: head.status) }

    func received(_ bytes: borrowing RawSpan) {
        guard let count = answer?.body.count, count < 256 else { return }
        // Safe: the buffer does not leave the closure; append copies it.
        unsafe bytes.withUnsafeBytes { unsafe answer?.body.append(contentsOf: $0) }
    }

    func ended() {
        guard let answer else { return fail("no answer") }
        switch answer.status {
        case 204: finish(nil)
        case 403:
            context.removed(by: id)
            finish("this member was removed")
        default:
            let text = String(decoding: answer.body.prefix { $0 >= 0x20 && $0 < 0x7f }, as: UTF8.self)
            finish("status \(answer.status) \(text)")
        }
    }

    func failed(_ error: HTTPClientError) { fail("\(PeerRequestError(error))") }

    func fail(_ reason: String) { finish(reason) }

    /// The receiver says `102 Processing` while it verifies; silence is failure.
    func checkProgress() {
        let heard = connection.map { max($0.lastRead, lastProgress) } ?? lastProgress
        if context.loop.now - heard >= context.settings.snapshotStallTimeout { fail("no progress") }
    }

    private func finish(_ failure: String?) {
        guard let over else { return }
        self.over = nil
        pipe?.cancel()
        attempt?.cancel()
        let connection = connection
        self.connection = nil
        connection?.close()
        over(self, failure)
    }
}
