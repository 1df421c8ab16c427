/// Cuts a call's incoming bytes into messages, wherever DATA frames split them.
///
///     offset  size  field
///     0       1     compressed: 0 or 1
///     1       4     length n, big-endian
///     5       n     message
///
/// A message that lies whole in one chunk is handed on as it lies, without a copy; only one that spans
/// chunks is gathered. A message's length is checked against the bound before any of it is kept.
struct MessageAssembler {
    enum Step {
        /// The chunk is used up.
        case needsMore
        /// A whole message inside the chunk.
        case whole(Range<Int>, isCompressed: Bool)
        /// A whole message gathered from several chunks.
        case gathered([UInt8], isCompressed: Bool)
        /// The client broke the framing or a bound.
        case refused(GRPCStatus)
    }

    /// True when the call's grpc-encoding allows the compressed flag.
    let isCompressionNegotiated: Bool
    private var prefix: UInt64 = 0
    private var prefixCount = 0
    private var partial: [UInt8] = []

    init(isCompressionNegotiated: Bool) { self.isCompressionNegotiated = isCompressionNegotiated }

    /// Bytes of an unfinished message held here.
    var heldBytes: Int { partial.count }

    /// True between messages: the only place where a client may end its side.
    var isBetweenMessages: Bool { prefixCount == 0 }

    /// Forgets an unfinished message.
    mutating func removeAll() { partial = [] }

    /// The next step from `offset` of the chunk, which advances.
    mutating func next(_ chunk: UnsafeRawBufferPointer, from offset: inout Int, messageBytesMax: Int) -> Step
    {
        while prefixCount < 5 {
            guard offset < chunk.count else { return .needsMore }
            prefix = unsafe prefix << 8 | UInt64(chunk[offset])
            offset += 1
            prefixCount += 1
            if prefixCount == 5, let status = refusal(messageBytesMax) { return .refused(status) }
        }
        let isCompressed = prefix >> 32 == 1
        let missing = length - partial.count
        let available = chunk.count - offset
        if available < missing {
            if partial.isEmpty { partial.reserveCapacity(min(length, max(available, 64 * 1024))) }
            unsafe partial.append(contentsOf: chunk[offset...])
            offset = chunk.count
            return .needsMore
        }
        let range = offset..<offset + missing
        offset = range.upperBound
        prefixCount = 0
        prefix = 0
        if partial.isEmpty { return .whole(range, isCompressed: isCompressed) }
        unsafe partial.append(contentsOf: chunk[range])
        var message: [UInt8] = []
        swap(&message, &partial)
        return .gathered(message, isCompressed: isCompressed)
    }

    private var length: Int { Int(prefix & 0xffff_ffff) }

    /// Codes and texts of grpc-go's rpc_util.go (recvMsg, checkRecvPayload).
    private func refusal(_ messageBytesMax: Int) -> GRPCStatus? {
        let format = prefix >> 32
        if length > messageBytesMax {
            let text = "grpc: received message larger than max (\(length) vs. \(messageBytesMax))"
            return GRPCStatus(.resourceExhausted, text)
        }
        if format > 1 {
            return GRPCStatus(.internal, "grpc: received unexpected payload format \(format)")
        }
        if format == 1, !isCompressionNegotiated {
            return GRPCStatus(.internal, "grpc: compressed flag set with identity or empty encoding")
        }
        return nil
    }
}
