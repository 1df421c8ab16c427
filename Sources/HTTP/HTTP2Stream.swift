import Net

/// What both sides of an HTTP/2 connection keep of one call: its stream, and its messages in both directions.
///
/// A stream belongs to its session from its beginning until both sides have ended it or one has reset it.
/// What happens to it is told through the verbs that a side overrides.
package class HTTP2Stream {
    /// Odd, ascending; given by the client's side when the request leaves, 0 before.
    final var streamID: Int32
    /// True until the call is finished by either side.
    package final internal(set) var isOpen = true
    /// HEADERS that begin our side are still to be written.
    final var owesHead = false
    /// Nothing follows behind what is queued in `outbound`.
    final var isOutputWhole = false
    /// Our END_STREAM is written.
    final var isLocalClosed = false
    /// The other side's END_STREAM has come.
    final var isRemoteClosed = false
    /// The stream is in `HTTP2Session.ready`.
    final var isReady = false
    /// The stream is in `HTTP2Session.blocked`.
    final var isBlocked = false
    /// The queue reached `HTTPLimits.lowWaterBytes` and has not been told as drained since.
    final var isAboveLowWater = false
    /// The session holds the stream and counts what it holds.
    final var isListed = false
    /// RST_STREAM with this code is all that is still to be written.
    final var resetCode: HTTP2ErrorCode?
    /// Bytes of DATA the other side still takes; below 0 when it made its window smaller.
    final var sendWindow = 0
    /// Bytes of DATA that came since we last opened the window.
    final var receivedBytes = 0
    final var outbound = OutboundMessages()
    final var assembler: MessageAssembler
    /// When the other side last took bytes while a message source waits.
    final var lastProgress = MonotonicTime(nanoseconds: 0)
    /// The place of the stream in its session's list, while it is there.
    final var position = 0

    init(streamID: Int32, assembler: MessageAssembler) {
        self.streamID = streamID
        self.assembler = assembler
    }

    /// Bytes accepted by `send` and not yet taken by the other side's window; the test for a slow reader.
    package final var queuedBytes: Int { outbound.byteCount }

    /// One whole message has come, decompressed.
    func received(_ message: borrowing RawSpan) {}

    /// The queue fell below `HTTPLimits.lowWaterBytes`, having been at or above it.
    func drained() {}

    /// The other side broke the framing or a bound: the call ends with this status.
    func abort(_ status: GRPCStatus) {}
}
