import Raft
import Wire

/// Why one of the messages of `RaftEncoding.swift` cannot be read.
package enum MessageError: Error, Equatable, Sendable {
    case wire(WireError)
    /// A field this message does not have, one of the wrong wire type, or a value outside its range.
    case field(Int)
    /// A scalar etcd always writes is not there.
    case missing(Int)
}

/// Readers take both styles etcd's branches write: scalars present or left out, lists packed or not; the last
/// value of a repeated scalar wins. Unknown fields are refused: these bytes are ours or etcd's own, and a
/// record type damaged on disk shows itself as fields that do not belong.
extension Entry {
    package init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        let data = try Self.head(of: bytes)
        self.init(id: data.id, kind: data.kind, data: bytes.extracting(data.data).copied())
    }

    /// Everything but the copy of the data: it is at `data` of `bytes`.
    static func head(
        of bytes: borrowing RawSpan
    ) throws(MessageError) -> (id: EntryID, kind: Kind, data: Range<Int>) {
        var kind: UInt64 = 0, term: UInt64 = 0, index: UInt64 = 0, data = 0..<0
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: kind = try field.varint
            case 2: term = try field.varint
            case 3: index = try field.varint
            case 4: data = try field.payload
            default: throw .field(field.number)
            }
        }
        guard let kind = Kind(rawValue: kind) else { throw .field(1) }
        return (EntryID(term: Term(term), index: LogIndex(index)), kind, data)
    }
}

extension HardState {
    package init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        self.init()
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: term = Term(try field.varint)
            case 2: vote = try field.varint == 0 ? nil : MemberID(field.varint)
            case 3: commit = LogIndex(try field.varint)
            default: throw .field(field.number)
            }
        }
    }
}

extension ConfigurationState {
    package init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        self.init()
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: try field.appendIDs(of: bytes, to: &voters)
            case 2: try field.appendIDs(of: bytes, to: &learners)
            case 3: try field.appendIDs(of: bytes, to: &votersOutgoing)
            case 4: try field.appendIDs(of: bytes, to: &learnersNext)
            case 5: autoLeave = try field.varint != 0
            default: throw .field(field.number)
            }
        }
    }
}

extension SnapshotMetadata {
    package init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        self.init(id: .zero, configuration: ConfigurationState())
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: configuration = try ConfigurationState(decoding: bytes.extracting(field.payload))
            case 2: id.index = LogIndex(try field.varint)
            case 3: id.term = Term(try field.varint)
            default: throw .field(field.number)
            }
        }
    }

    /// The metadata of a raftpb.Snapshot, and where its data lies in `bytes`.
    package static func ofSnapshot(
        _ bytes: borrowing RawSpan
    ) throws(MessageError) -> (metadata: SnapshotMetadata, data: Range<Int>) {
        var metadata: SnapshotMetadata?, data = 0..<0
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: data = try field.payload
            case 2: metadata = try SnapshotMetadata(decoding: bytes.extracting(field.payload))
            default: throw .field(field.number)
            }
        }
        guard let metadata else { throw .missing(2) }
        return (metadata, data)
    }
}

extension SnapshotRecord {
    init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        self.init(id: .zero, configuration: nil)
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: id.index = LogIndex(try field.varint)
            case 2: id.term = Term(try field.varint)
            case 3: configuration = try ConfigurationState(decoding: bytes.extracting(field.payload))
            default: throw .field(field.number)
            }
        }
    }
}

extension LogMetadata {
    init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        self.init(memberID: MemberID(0), clusterID: 0)
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: memberID = MemberID(try field.varint)
            case 2: clusterID = try field.varint
            default: throw .field(field.number)
            }
        }
    }
}

/// Calls `body` with every field of a message.
func forEachField(
    _ bytes: borrowing RawSpan, _ body: (WireField) throws(MessageError) -> Void
) throws(MessageError) {
    var cursor = WireCursor()
    while true {
        let field: WireField?
        do throws(WireError) { field = try cursor.next(in: bytes) } catch { throw .wire(error) }
        guard let field else { return }
        try body(field)
    }
}

extension WireField {
    var varint: UInt64 {
        get throws(MessageError) {
            guard case .varint(let value) = value else { throw .field(number) }
            return value
        }
    }

    var payload: Range<Int> {
        get throws(MessageError) {
            guard case .bytes(let range) = value else { throw .field(number) }
            return range
        }
    }

    /// One id, or a packed list of them.
    func appendIDs(of bytes: borrowing RawSpan, to list: inout [MemberID]) throws(MessageError) {
        switch value {
        case .varint(let id): list.append(MemberID(id))
        case .bytes(let range):
            var rest = range.lowerBound
            while rest < range.upperBound {
                var id: UInt64 = 0, shift: UInt64 = 0, byte: UInt8 = 0x80
                while byte >= 0x80 {
                    guard rest < range.upperBound, shift < 70 else { throw .field(number) }
                    byte = unsafe bytes.unsafeLoad(fromByteOffset: rest, as: UInt8.self)
                    id |= UInt64(byte & 0x7f) &<< shift
                    shift += 7
                    rest += 1
                }
                list.append(MemberID(id))
            }
        case .fixed32, .fixed64: throw .field(number)
        }
    }
}
