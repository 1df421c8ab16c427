import Journal
import Raft

/// The msgapp stream, version 2 (spec/peer.md 3.2). The first byte of a frame is its kind:
///
///     0  nothing                                             link heartbeat
///     1  8 count, count x (8 size, raftpb.Entry), 8 commit   an append that goes on where the last one ended
///     2  8 size, raftpb.Message                              any append
///
/// numbers big-endian. Both sides keep the position the last append ended at, from (0, 0): kind 1 is
/// used exactly when the next append follows it in the sender's own term, so that a steady flow costs 8
/// bytes and the entry itself per entry, and no message.
struct AppendStreamEncoder {
    private var position = EntryID.zero

    init() {}

    mutating func append(_ message: Message, to output: inout [UInt8]) {
        guard case .append(let append) = message.payload else {
            preconditionFailure("an append stream carries appends")
        }
        if append.previous == position, message.term == position.term {
            appendContinuation(append, to: &output)
        } else {
            output.append(2)
            let start = output.count
            output.appendBigEndian(0)
            output.append(WireMessage(message))
            output.replaceBigEndian(at: start, UInt64(output.count - start - 8))
            let last = append.entries.last?.index ?? append.previous.index
            position = EntryID(term: message.term, index: last)
        }
    }

    private mutating func appendContinuation(_ append: Message.Append, to output: inout [UInt8]) {
        output.append(1)
        output.appendBigEndian(UInt64(append.entries.count))
        for entry in append.entries {
            output.appendBigEndian(UInt64(entry.encodedSize))
            output.append(entry)
        }
        output.appendBigEndian(append.commit.rawValue)
        position.index = position.index + UInt64(append.entries.count)
    }

    static func appendHeartbeat(to output: inout [UInt8]) { output.append(0) }
}

/// Reads a msgapp stream, wherever its bytes are split; entries are taken as they arrive.
struct AppendStreamDecoder {
    private enum State {
        case frame
        /// Inside a frame of kind 1.
        case entries(remaining: UInt64)
    }

    private let from: MemberID
    private let to: MemberID
    private let messageBytesMax: UInt64
    private var state = State.frame
    private var position = EntryID.zero
    /// Entries of the frame being read, and their bytes.
    private var entries: [Entry] = []
    private var entryBytes: UInt64 = 0
    private var rest = FrameRest()

    /// Appends of `from` to this member, `to`: frames of kind 1 do not say.
    init(from: MemberID, to: MemberID, messageBytesMax: Int) {
        self.from = from
        self.to = to
        self.messageBytesMax = UInt64(messageBytesMax)
    }

    mutating func receive(
        _ bytes: borrowing RawSpan, into messages: inout [Message]
    ) throws(StreamError) {
        var rest = rest
        self.rest = FrameRest()
        try rest.join(bytes) { bytes throws(StreamError) in
            var offset = 0
            while let taken = try step(bytes, at: offset, into: &messages) { offset += taken }
            return offset
        }
        self.rest = rest
    }

    /// Takes one item and answers its size; nil when it is not whole.
    private mutating func step(
        _ bytes: borrowing RawSpan, at offset: Int, into messages: inout [Message]
    ) throws(StreamError) -> Int? {
        switch state {
        case .entries(remaining: 0): return finish(bytes, at: offset, into: &messages)
        case .entries(let remaining):
            guard let size = try item(bytes, at: offset) else { return nil }
            entryBytes += UInt64(size)
            guard entryBytes <= messageBytesMax else { throw .tooLarge(entryBytes) }
            let entry: Entry
            do throws(MessageError) {
                entry = try Entry.received(bytes.extracting(offset + 8..<offset + 8 + size))
            } catch {
                throw .message(error)
            }
            let expected = position.index.rawValue + UInt64(entries.count) + 1
            guard entry.index.rawValue == expected, entry.term == position.term else {
                throw .message(.field(7))
            }
            entries.append(entry)
            state = .entries(remaining: remaining - 1)
            return 8 + size
        case .frame:
            guard offset < bytes.byteCount else { return nil }
            // Safe: one byte within bounds.
            let kind = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            return try begin(kind, bytes, at: offset, into: &messages)
        }
    }

    private mutating func begin(
        _ kind: UInt8, _ bytes: borrowing RawSpan, at offset: Int, into messages: inout [Message]
    ) throws(StreamError) -> Int? {
        switch kind {
        case 0: return 1
        case 1:
            guard let count = bytes.bigEndian(at: offset + 1) else { return nil }
            // An entry takes at least its length word.
            guard count <= messageBytesMax / 8 else { throw .tooLarge(count) }
            entries.reserveCapacity(Int(min(count, 4096)))
            entryBytes = 0
            state = .entries(remaining: count)
            return 9
        case 2:
            guard let size = try item(bytes, at: offset + 1) else { return nil }
            let body = offset + 9..<offset + 9 + size
            if let message = try Message.received(bytes.extracting(body)) {
                guard case .append(let append) = message.payload else { throw .notAnAppend }
                position = EntryID(
                    term: message.term, index: append.entries.last?.index ?? append.previous.index)
                messages.append(message)
            }
            return 9 + size
        default: throw .unknownFrame(kind)
        }
    }

    private mutating func finish(
        _ bytes: borrowing RawSpan, at offset: Int, into messages: inout [Message]
    ) -> Int? {
        guard let commit = bytes.bigEndian(at: offset) else { return nil }
        let append = Message.Append(
            previous: position, entries: entries, commit: LogIndex(min(commit, UInt64(Int64.max))))
        messages.append(Message(from: from, to: to, term: position.term, payload: .append(append)))
        position.index = position.index + UInt64(entries.count)
        entries = []
        state = .frame
        return 8
    }

    /// The size of a length-prefixed item that is whole; nil when it is not.
    private func item(_ bytes: borrowing RawSpan, at offset: Int) throws(StreamError) -> Int? {
        guard let size = bytes.bigEndian(at: offset) else { return nil }
        guard size <= messageBytesMax else { throw .tooLarge(size) }
        return Int(size) <= bytes.byteCount - offset - 8 ? Int(size) : nil
    }
}
