import Net

/// What both sides of an HTTP/2 connection keep of one call: its stream, and its messages in both directions.
///
/// A stream belongs to its session from the moment nghttp2 knows it until nghttp2 has closed it. What happens
/// to it is told through the verbs that a side overrides.
package class HTTP2Stream {
    /// Given by the client's side when the request is submitted; odd, ascending.
    final var streamID: Int32
    /// True until the call is finished by either side.
    package final internal(set) var isOpen = true
    /// Nothing follows behind what is queued in `outbound`.
    final var isOutputWhole = false
    /// See `HTTP2Session`, invariant 3.
    final var isSpeaking = false
    /// The stream waits in nghttp2 for `HTTP2Session.resume`.
    final var isDeferred = false
    /// The queue reached `HTTPLimits.lowWaterBytes` and has not been told as drained since.
    final var isAboveLowWater = false
    final var outbound = OutboundMessages()
    final var assembler: MessageAssembler
    /// When the other side last took bytes while a message source waits.
    final var lastProgress = MonotonicTime(nanoseconds: 0)
    /// The place of the stream in its session's list, while it is there.
    final var position = 0
    /// The session holds the stream and counts what it holds.
    final var isListed = false

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
