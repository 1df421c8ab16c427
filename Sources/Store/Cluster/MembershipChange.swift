import Raft
import Wire

/// A change of the membership as etcd puts it into the log: raftpb.ConfChange {1 id, 2 type, 3 node_id,
/// 4 context} with JSON as context (peer.md 9).
package enum MembershipChange: Sendable, Equatable {
    /// A voter or, by its `isLearner`, a learner.
    case add(ClusterMember)
    /// A learner becomes a voter.
    case promote(MemberID)
    case remove(MemberID)
    /// New peer URLs.
    case update(MemberID, peerURLs: [String])

    /// Raw value of raftpb.ConfChangeType: 0 add, 1 remove, 2 update, 3 add learner.
    package var type: UInt64 {
        switch self {
        case .add(let member): member.isLearner ? 3 : 0
        case .promote: 0
        case .remove: 1
        case .update: 2
        }
    }

    package var member: MemberID {
        switch self {
        case .add(let member): member.id
        case .promote(let id), .remove(let id), .update(let id, _): id
        }
    }

    /// The context; empty for a removal.
    package var context: [UInt8] {
        switch self {
        case .add(let member): Array(member.json.utf8)
        case .promote(let id): Array(ClusterMember(id: id, peerURLs: []).json(isPromote: true).utf8)
        case .remove: []
        case .update(let id, let urls): Array(ClusterMember(id: id, peerURLs: urls).json.utf8)
        }
    }

    /// Why an entry of kind configurationChange cannot be read.
    enum DecodingError: Error, Equatable {
        case wire(WireError)
        /// An unknown type, JSON that is no member, or another id in the JSON than in `node_id`.
        case inconsistent
    }

    /// Reads an entry's raftpb.ConfChange; `request` is its id (0 in bootstrap entries). The change is
    /// nil for node id 0, which means "nothing".
    static func decode(
        _ bytes: borrowing RawSpan
    ) throws(DecodingError) -> (request: UInt64, change: MembershipChange?) {
        var numbers: [Int: UInt64] = [:]
        var context: [UInt8] = []
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: bytes) {
                switch field.value {
                case .varint(let number): numbers[field.number] = number
                case .bytes(let at) where field.number == 4: context = bytes.copied(at)
                default: break
                }
            }
        } catch { throw .wire(error) }
        let request = numbers[1] ?? 0
        guard let node = numbers[3], node != 0 else { return (request, nil) }
        let change = try make(type: numbers[2] ?? 0, node: MemberID(node), context: context)
        return (request, change)
    }

    private static func make(
        type: UInt64, node: MemberID, context: [UInt8]
    ) throws(DecodingError) -> MembershipChange {
        if type == 1 { return .remove(node) }
        guard let value = JSONValue(parsing: context), var member = ClusterMember(value), member.id == node
        else { throw .inconsistent }
        switch type {
        case 0 where value["isPromote"]?.flag == true: return .promote(node)
        case 0: return .add(member)
        case 2: return .update(node, peerURLs: member.peerURLs)
        case 3:
            member.isLearner = true
            return .add(member)
        default: throw .inconsistent
        }
    }
}
