import Journal
import Raft
import Wire

/// A raftpb.Message as its fields; `Message` says what they mean.
///
///     1 type  2 to  3 from  4 term  5 logTerm  6 index  7 entries*  8 commit
///     9 snapshot {1 data, 2 metadata}  10 reject  11 rejectHint  12 context
///     (api.md 10.4; newer libraries add 13 vote and 14 responses)
///
/// Written as etcd writes it (proto2 through gogo): every scalar also when zero, the snapshot also when
/// there is none, entries and context only when there are any. Read with any of them missing, in any
/// order, and with fields that are not known here.
struct WireMessage: Equatable {
    /// Raw values are raftpb.MessageType's; those that never travel are left out.
    enum Kind: UInt64 {
        case proposal = 2
        case append = 3
        case appendResponse = 4
        case vote = 5
        case voteResponse = 6
        case snapshot = 7
        case heartbeat = 8
        case heartbeatResponse = 9
        case transferLeader = 13
        case timeoutNow = 14
        case readIndex = 15
        case readIndexResponse = 16
        case preVote = 17
        case preVoteResponse = 18
    }

    var kind: Kind
    var to: UInt64 = 0
    var from: UInt64 = 0
    var term: UInt64 = 0
    var logTerm: UInt64 = 0
    var index: UInt64 = 0
    var entries: [Entry] = []
    var commit: UInt64 = 0
    var snapshot: SnapshotMetadata?
    var isReject = false
    var rejectHint: UInt64 = 0
    var context: [UInt8] = []

    init(_ kind: Kind) { self.kind = kind }
}

extension [UInt8] {
    /// A raftpb.Message.
    mutating func append(_ message: WireMessage) {
        appendField(1, always: message.kind.rawValue)
        appendField(2, always: message.to)
        appendField(3, always: message.from)
        appendField(4, always: message.term)
        appendField(5, always: message.logTerm)
        appendField(6, always: message.index)
        for entry in message.entries {
            appendBytesTag(7)
            appendVarint(UInt64(entry.encodedSize))
            append(entry)
        }
        appendField(8, always: message.commit)
        if let snapshot = message.snapshot {
            var inner: [UInt8] = []
            let none: [UInt8] = []
            // Safe: the span ends with the call.
            unsafe inner.appendSnapshot(snapshot, data: none.span.bytes)
            appendField(9, always: inner)
        } else {
            append(contentsOf: Self.noSnapshot)
        }
        appendField(10, always: message.isReject ? 1 : 0)
        appendField(11, always: message.rejectHint)
        if !message.context.isEmpty { appendField(12, always: message.context) }
    }

    /// Field 9 of a message without a snapshot: empty metadata with an empty configuration, zeros included.
    private static let noSnapshot: [UInt8] = [
        0x4a, 0x0a, 0x12, 0x08, 0x0a, 0x02, 0x28, 0x00, 0x10, 0x00, 0x18, 0x00,
    ]
}

extension WireMessage {
    /// Reads a raftpb.Message; nil for a kind that never travels (a sender newer than we are, or a fault of
    /// its; nothing is lost by passing it over).
    static func decode(_ bytes: borrowing RawSpan) throws(MessageError) -> WireMessage? {
        var cursor = WireCursor()
        var kind: UInt64 = 0
        var message = WireMessage(.append)
        while let field = try cursor.nextField(in: bytes) {
            switch field.number {
            case 1: kind = try field.number(1)
            case 2: message.to = try field.number(2)
            case 3: message.from = try field.number(3)
            case 4: message.term = try field.number(4)
            case 5: message.logTerm = try field.number(5)
            case 6: message.index = try field.number(6)
            case 7: message.entries.append(try Entry.received(bytes.extracting(field.bytes(7))))
            case 8: message.commit = try field.number(8)
            case 9: message.snapshot = try SnapshotMetadata.received(bytes.extracting(field.bytes(9)))
            case 10: message.isReject = try field.number(10) != 0
            case 11: message.rejectHint = try field.number(11)
            case 12: message.context = bytes.extracting(try field.bytes(12)).copied()
            default: break
            }
        }
        guard let known = Kind(rawValue: kind) else { return nil }
        message.kind = known
        return message
    }
}

extension Entry {
    /// Bytes of the raftpb.Entry that `[UInt8].append(_: Entry)` writes.
    var encodedSize: Int {
        4 + varintSize(term.rawValue) + varintSize(index.rawValue)
            + (data.isEmpty ? 0 : 1 + varintSize(UInt64(data.count)) + data.count)
    }

    /// Reads a raftpb.Entry of a peer; the data is copied here, once.
    static func received(_ bytes: borrowing RawSpan) throws(MessageError) -> Entry {
        var cursor = WireCursor()
        var kind: UInt64 = 0, term: UInt64 = 0, index: UInt64 = 0, data = 0..<0
        while let field = try cursor.nextField(in: bytes) {
            switch field.number {
            case 1: kind = try field.number(1)
            case 2: term = try field.number(2)
            case 3: index = try field.number(3)
            case 4: data = try field.bytes(4)
            default: break
            }
        }
        guard let kind = Kind(rawValue: kind) else { throw .field(1) }
        return Entry(
            id: EntryID(term: Term(term), index: LogIndex(index)), kind: kind,
            data: bytes.extracting(data).copied())
    }
}

extension SnapshotMetadata {
    /// The metadata of a peer's raftpb.Snapshot; nil when it is the empty one of every other message.
    fileprivate static func received(_ bytes: borrowing RawSpan) throws(MessageError) -> SnapshotMetadata? {
        guard bytes.byteCount > 0 else { return nil }
        var metadata = try ofSnapshot(bytes).metadata
        if metadata.id.index == LogIndex(0) { return nil }
        try metadata.configuration.sort()
        return metadata
    }
}

extension ConfigurationState {
    /// Puts the lists in ascending order; a member twice in one of them is refused.
    fileprivate mutating func sort() throws(MessageError) {
        for list in [\Self.voters, \.learners, \.votersOutgoing, \.learnersNext] {
            self[keyPath: list].sort()
            let members = self[keyPath: list]
            guard zip(members, members.dropFirst()).allSatisfy(<) else { throw .field(9) }
        }
    }
}

extension WireCursor {
    fileprivate mutating func nextField(in bytes: borrowing RawSpan) throws(MessageError) -> WireField? {
        do throws(WireError) { return try next(in: bytes) } catch { throw .wire(error) }
    }
}

extension WireField {
    fileprivate func number(_ field: Int) throws(MessageError) -> UInt64 {
        guard case .varint(let value) = value else { throw .field(field) }
        return value
    }

    fileprivate func bytes(_ field: Int) throws(MessageError) -> Range<Int> {
        guard case .bytes(let range) = value else { throw .field(field) }
        return range
    }
}
