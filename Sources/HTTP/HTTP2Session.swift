import HPACK
import Net

/// One side of an HTTP/2 connection (RFC 9113): bytes in, messages out, and back. No socket, no clock. What a
/// server and a client do differently stands in `HTTP2ServerSession` and `HTTP2ClientSession`.
///
///     receive(bytes) ─▶ frames ─▶ header blocks, DATA ─▶ a stream's verbs
///     produce(into:) ◀─ `control`, then the streams of `ready` ◀─ a stream's `outbound`
///
/// Output is pulled: a stream's bytes leave its queue only when the connection has room for a write and
/// the other side's windows take them. DATA is written straight from the queue into the connection's write
/// buffer, so a message is copied once on its way out.
///
/// Invariants:
/// 1. `streams[stream.position] === stream` for every stream that is listed; `table` has those with a number.
/// 2. `partialBytes` and `unsentBytes` are the sums over `streams` of what they hold.
/// 3. A listed stream that could write something now is in `ready`; one that the connection's window alone
///    held back is in `blocked`: `hasOutput` is false only while there is nothing to say.
/// 4. `control` is empty when a stream gets its turn, so header blocks leave in the order of their encoding.
@safe package class HTTP2Session {
    // What every message touches stands together: one message for each of many clients finds all of it
    // outside of the caches.
    private(set) final var host: (any SessionHost)?
    final var unsentBytes = 0
    /// Bytes of DATA the other side takes on this connection.
    final var sendWindow = 65_535
    final var ready = HTTP2StreamQueue()
    final var output = OutputCursor()
    final var control = ControlQueue()
    /// The connection broke down: GOAWAY is the last word.
    private(set) final var isTerminated = false
    final var drained: [HTTP2Stream] = []
    /// See `ByteMachine`.
    package final internal(set) var isSilent = false
    /// The stream found last: its HEADERS, DATA and trailers mostly come one behind the other.
    private final var recent: HTTP2Stream?
    final var keepalive: Keepalive
    final var table = HTTP2StreamTable()
    final var streams: [HTTP2Stream] = []
    final var partialBytes = 0
    final var encoder = HeaderEncoder()
    /// A header block being made.
    final var block: [UInt8] = []
    /// Streams that have DATA for which the connection has no window.
    final var blocked = HTTP2StreamQueue()
    final var input = HTTP2Input()
    final var decoder = HeaderDecoder()
    /// Bytes of DATA that came since we last opened the connection's window.
    final var receivedBytes = 0
    /// The window of a new stream for our bytes.
    final var initialSendWindow = 65_535
    /// Acknowledgements in `control`, at least.
    final var unsentAcknowledgements = 0
    /// The greatest number of a stream that the other side began.
    final var lastPeerStreamID: Int32 = 0
    /// The other side has sent its SETTINGS: it speaks HTTP/2.
    final var isGreeted = false
    /// No stream begins on this connection any more.
    final var hasGoneAway = false
    final let limits: HTTPLimits

    /// Greets with these SETTINGS and the connection's window.
    init(limits: HTTPLimits, host: any SessionHost, settings: [(HTTP2Setting, UInt32)]) {
        self.limits = limits
        self.host = host
        keepalive = Keepalive(now: host.now)
        greet(settings)
    }

    final var peerDescription: String { host?.peerDescription ?? "" }

    /// What a side says ahead of its SETTINGS.
    var preface: [UInt8] { [] }

    private func greet(_ settings: [(HTTP2Setting, UInt32)]) {
        control.append(preface)
        control.append(HTTP2FrameHead(length: 6 * settings.count, .settings, 0))
        for (setting, value) in settings {
            control.append(setting.rawValue)
            control.append(value)
        }
        appendWindowUpdate(0, Int(limits.windowBytes) - 65_535)
        requestFlush()
        if let host { host.wake(at: host.now + limits.keepaliveInterval) }
    }

    final func requestFlush() {
        // Taken out meanwhile, so that no reference is counted.
        guard let host = host.take() else { return }
        host.requestFlush()
        self.host = consume host
    }

    /// Asks for a flush when there is output, and for the end when nothing can follow.
    final func settle() {
        if hasOutput { requestFlush() } else if !isAlive { host?.closeWhenFlushed() }
    }

    /// There is something to say, as far as the other side's windows are known.
    final var hasOutput: Bool { !ready.isEmpty || !control.isEmpty || sendWindow > 0 && !blocked.isEmpty }

    /// Something may still follow, from this side or the other.
    final var isAlive: Bool { !isTerminated && (!hasGoneAway || !streams.isEmpty) }

    /// Bytes from the other side still mean something.
    final var isListening: Bool { !isTerminated && host != nil }

    /// The connection is broken: says so, and nothing else from now on.
    final func terminate(_ code: HTTP2ErrorCode) {
        if isTerminated { return }
        appendGoAway(lastPeerStreamID, code)
        isTerminated = true
        ready.removeAll()
        blocked.removeAll()
        for stream in streams { stream.isReady = false }
        requestFlush()
    }

    /// The connection is gone: every stream that was open has ended.
    final func closed() {
        let ended = streams
        streams = []
        table.removeAll()
        ready.removeAll()
        blocked.removeAll()
        input.dataStream = nil
        recent = nil
        host = nil
        for stream in ended { end(stream, nil) }
        partialBytes = 0
        unsentBytes = 0
    }

    // Streams.

    final func stream(_ streamID: Int32) -> HTTP2Stream? {
        if let recent, recent.streamID == streamID { return recent }
        guard let found = table.find(streamID) else { return nil }
        recent = found
        return found
    }

    /// Holds the stream until it is closed.
    final func list(_ stream: HTTP2Stream) {
        stream.position = streams.count
        stream.isListed = true
        streams.append(stream)
        if stream.streamID != 0 { number(stream) }
    }

    /// The stream has got its number.
    final func number(_ stream: HTTP2Stream) {
        stream.sendWindow = initialSendWindow
        table.insert(stream)
        recent = stream
    }

    /// The stream has something to write.
    final func beginsToSpeak(_ stream: HTTP2Stream) {
        if stream.isReady || !stream.isListed || isTerminated { return }
        stream.isReady = true
        ready.append(stream)
    }

    /// Both sides have ended the stream, or one has reset it with this code.
    final func close(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode?) {
        guard stream.isListed else { return }
        if recent === stream { recent = nil }
        if stream.streamID != 0 { table.remove(stream.streamID) }
        let last = streams.removeLast()
        if last !== stream {
            last.position = stream.position
            streams[stream.position] = last
        }
        end(stream, code)
        if stream.isReady || stream.isBlocked { forgetClosed() }
    }

    /// Streams that end while nobody reads, or while the connection's window is shut, leave the queues.
    private func forgetClosed() {
        let countMax = 2 * streams.count + 64
        if ready.count > countMax { ready.removeClosed() }
        if blocked.count > countMax { blocked.removeClosed() }
    }

    /// The stream is gone: lets go of what it holds, and tells whoever still listens.
    private func end(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode?) {
        dropOutput(stream)
        partialBytes -= stream.assembler.heldBytes
        stream.assembler.removeAll()
        stream.isListed = false
        ended(stream, code)
    }

    /// Forgets what the stream has queued.
    final func dropOutput(_ stream: HTTP2Stream) {
        unsentBytes -= stream.outbound.heldBytes
        stream.outbound.removeAll()
    }

    /// Ends a stream from our side: RST_STREAM leaves with the next write, in place of what is queued.
    final func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard stream.isListed, stream.resetCode == nil else { return }
        stream.resetCode = code
        beginsToSpeak(stream)
        requestFlush()
    }

    /// Ends a stream because of what the other side did.
    final func resetForMistake(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) throws(HTTP2ConnectionError) {
        reset(stream, code)
        try causedReset()
    }

    /// The other side's END_STREAM has come.
    final func endInput(_ stream: HTTP2Stream) {
        stream.isRemoteClosed = true
        inputEnded(stream)
        if stream.isLocalClosed { close(stream, .noError) }
    }

    // What a side does with what comes; by default nothing.

    /// A whole header block; it must be decoded, whatever becomes of it.
    func receivedHeaders(
        _ streamID: Int32, _ block: UnsafeRawBufferPointer, endsStream: Bool
    ) throws(HTTP2ConnectionError) {}

    /// The other side ended the stream with DATA or trailers; all of its messages were delivered.
    func inputEnded(_ stream: HTTP2Stream) {}

    /// A value of the other side's SETTINGS that means something to one side only.
    func received(_ setting: HTTP2Setting, _ value: UInt32) throws(HTTP2ConnectionError) {}

    /// The other side's first SETTINGS have begun.
    func greeted() {}

    /// The other side has reset a stream, or made us do so.
    func causedReset() throws(HTTP2ConnectionError) {}

    /// `mark` is its first byte.
    func receivedPing(isAcknowledgement: Bool, _ mark: UInt8) {}

    /// The other side begins no more streams, and has taken none of ours beyond this one.
    func receivedGoAway(last: Int32) { hasGoneAway = true }

    /// The stream was never begun: a frame that names it is a mistake (RFC 9113 section 5.1, idle).
    func isIdle(_ streamID: Int32) -> Bool { true }

    /// Writes the HEADERS that the stream owes; false when it has to wait.
    func writeHead(_ stream: HTTP2Stream) -> Bool { true }

    /// Everything queued is written: writes what ends our side.
    func writeEnd(_ stream: HTTP2Stream) {}

    /// Our side of the stream has ended ahead of the other.
    func outputEndedFirst(_ stream: HTTP2Stream) {}

    /// DATA that empties the queue of a stream whose output is whole ends our side.
    var endsWithData: Bool { false }

    /// The stream is closed with this code, or with its connection (nil).
    func ended(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode?) {}

    /// What time does to a stream: acts on it, or answers when to look again.
    func review(_ stream: HTTP2Stream, _ now: MonotonicTime) -> MonotonicTime? { nil }
}
