import Journal
import Raft

/// What stands in front of a snapshot's bytes: a length word and the raftpb.Message (spec/peer.md 5).
enum SnapshotEnvelope {
    static func encode(_ message: Message) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(0)
        bytes.append(WireMessage(message))
        bytes.replaceBigEndian(at: 0, UInt64(bytes.count - 8))
        return bytes
    }
}

/// Why a snapshot's envelope is refused.
enum EnvelopeError: Error, Equatable {
    case tooLarge
    case malformed
    case wrongType
}

/// Takes the envelope off a body, wherever that is split.
struct EnvelopeDecoder {
    private let bytesMax: UInt64
    private var bytes: [UInt8] = []

    init(bytesMax: Int) { self.bytesMax = UInt64(bytesMax) }

    /// The message and what follows it in the bytes so far, once it is whole.
    mutating func receive(_ piece: [UInt8]) throws(EnvelopeError) -> (message: Message, rest: [UInt8])? {
        bytes += piece
        // Safe: spans end with their calls.
        guard let size = unsafe bytes.span.bytes.bigEndian(at: 0) else { return nil }
        guard size <= bytesMax else { throw .tooLarge }
        let end = 8 + Int(size)
        guard bytes.count >= end else { return nil }
        let message: Message?
        do throws(StreamError) {
            message = unsafe try Message.received(bytes.span.bytes.extracting(8..<end))
        } catch {
            throw .malformed
        }
        guard let message else { throw .malformed }
        guard case .snapshot = message.payload else { throw .wrongType }
        return (message, Array(bytes[end...]))
    }
}
