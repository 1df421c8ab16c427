import Journal
import Raft

/// The message stream (spec/peer.md 3.1): a raftpb.Message behind its length.
///
///     offset  size  field
///     0       8     n, big-endian
///     8       n     raftpb.Message
///
/// A link heartbeat is a MsgHeartbeat from 0 to 0.
enum MessageStream {
    static func append(_ message: Message, to output: inout [UInt8]) {
        let start = output.count
        output.appendBigEndian(0)
        output.append(WireMessage(message))
        output.replaceBigEndian(at: start, UInt64(output.count - start - 8))
    }

    static func appendHeartbeat(to output: inout [UInt8]) { output += heartbeat }

    private static let heartbeat: [UInt8] = {
        var bytes: [UInt8] = []
        bytes.append(WireMessage(.heartbeat))
        var frame: [UInt8] = []
        frame.appendBigEndian(UInt64(bytes.count))
        return frame + bytes
    }()
}

/// Reads a message stream, wherever its bytes are split.
struct MessageStreamDecoder {
    private let messageBytesMax: UInt64
    private var rest = FrameRest()

    init(messageBytesMax: Int) { self.messageBytesMax = UInt64(messageBytesMax) }

    mutating func receive(
        _ bytes: borrowing RawSpan, into messages: inout [Message]
    ) throws(StreamError) {
        try rest.join(bytes) { bytes throws(StreamError) in
            var offset = 0
            while let length = bytes.bigEndian(at: offset) {
                guard length <= messageBytesMax else { throw .tooLarge(length) }
                let end = offset + 8 + Int(length)
                guard end <= bytes.byteCount else { break }
                if let message = try Message.received(bytes.extracting(offset + 8..<end)) {
                    messages.append(message)
                }
                offset = end
            }
            return offset
        }
    }
}

extension Message {
    /// One message of a peer; nil for link heartbeats and for what is passed over.
    static func received(_ bytes: borrowing RawSpan) throws(StreamError) -> Message? {
        do throws(MessageError) {
            guard let wire = try WireMessage.decode(bytes), wire.from != 0 || wire.to != 0 else { return nil }
            return try wire.message()
        } catch {
            throw .message(error)
        }
    }
}
