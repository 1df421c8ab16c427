import HTTP
import Net
import Raft

/// A stream that another member dialled to receive from us: a bounded queue and its encoder.
///
/// Messages are encoded when the socket takes them, not before: what waits shares its entries with the log.
/// After a pass without a write for `writeTimeout`, although something waits, the stream is stalled.
final class OutgoingStream: WebStreamSource {
    let kind: StreamKind
    private let settings: PeerSettings
    private let loop: EventLoop
    private var encoder = AppendStreamEncoder()
    private var queue = MessageQueue()
    private var owesHeartbeat = false
    private var stream: WebStream?
    /// When the socket last took something, or had nothing to take.
    private var lastProgress: MonotonicTime
    /// Bytes encoded, for the metrics; whoever counts them sets them back.
    private let sent: (Int) -> Void
    private var lost: ((OutgoingStream) -> Void)?

    /// `sent` hears of encoded bytes, `lost` once when the connection is gone without `end`.
    init(
        _ kind: StreamKind, settings: PeerSettings, loop: EventLoop, sent: @escaping (Int) -> Void,
        lost: @escaping (OutgoingStream) -> Void
    ) {
        self.kind = kind
        self.settings = settings
        self.loop = loop
        self.sent = sent
        self.lost = lost
        lastProgress = loop.now
    }

    /// Answers the request that asked for the stream.
    func begin(_ responder: WebResponder, _ head: WebResponse) { stream = responder.stream(head, self) }

    /// Takes a message; false when the queue is full.
    func send(_ message: Message) -> Bool {
        if queue.isEmpty, !owesHeartbeat { lastProgress = loop.now }
        guard queue.count < settings.streamMessagesMax, queue.bytes < settings.streamBytesMax else {
            return false
        }
        queue.append(message)
        stream?.requestFlush()
        return true
    }

    func sendHeartbeat() {
        if queue.isEmpty, !owesHeartbeat { lastProgress = loop.now }
        owesHeartbeat = true
        stream?.requestFlush()
    }

    /// The other side takes nothing.
    var isStalled: Bool {
        (owesHeartbeat || !queue.isEmpty) && loop.now - lastProgress >= settings.writeTimeout
    }

    /// Ends the stream in order; nobody is told.
    func end() {
        lost = nil
        stream?.finish()
    }

    /// Cuts the connection.
    func cut() { stream?.close() }

    func produce(into output: inout [UInt8], limit: Int) {
        lastProgress = loop.now
        let start = output.count
        if owesHeartbeat {
            owesHeartbeat = false
            switch kind {
            case .appends: AppendStreamEncoder.appendHeartbeat(to: &output)
            case .messages: MessageStream.appendHeartbeat(to: &output)
            }
        }
        while output.count < limit, let message = queue.popFirst() {
            switch kind {
            case .appends: encoder.append(message, to: &output)
            case .messages: MessageStream.append(message, to: &output)
            }
        }
        if output.count > start { sent(output.count - start) }
    }

    func closed() {
        let lost = lost
        self.lost = nil
        stream = nil
        lost?(self)
    }
}

/// Messages in order of arrival, with the bytes of their entries.
struct MessageQueue {
    private var messages: [Message] = []
    private var start = 0
    private(set) var bytes = 0

    var isEmpty: Bool { start == messages.count }
    var count: Int { messages.count - start }

    mutating func append(_ message: Message) {
        bytes += Self.size(message)
        messages.append(message)
    }

    mutating func popFirst() -> Message? {
        guard start < messages.count else { return nil }
        let message = messages[start]
        bytes -= Self.size(message)
        start += 1
        if start == messages.count {
            messages.removeAll(keepingCapacity: true)
            start = 0
        } else if start >= 256, start * 2 >= messages.count {
            messages.removeFirst(start)  // so that entries that are gone are not held
            start = 0
        }
        return message
    }

    private static func size(_ message: Message) -> Int {
        switch message.payload {
        case .append(let append): append.entries.reduce(64) { $0 + 32 + $1.data.count }
        case .proposal(let data): data.reduce(64) { $0 + 32 + $1.count }
        default: 64
        }
    }
}
