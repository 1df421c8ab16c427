import Raft

@testable import Replication

/// A replica beside one other voter that the test plays.
struct Pair {
    static let id = MemberID(1)
    static let other = MemberID(2)
    var replica: Replica
    var effects = Replica.Effects()

    /// Beside `others` and after a snapshot at `snapshot` when said.
    init(
        limits: Replica.Limits = Replica.Limits(), others: [MemberID] = [other], snapshot id: EntryID = .zero
    ) throws {
        let configuration = ConfigurationState(voters: [Self.id] + others)
        let snapshot = SnapshotMetadata(id: id, configuration: configuration)
        let restart = Node.Restart(hardState: HardState(term: id.term), entries: [], snapshot: snapshot)
        let settings = Replica.Settings(
            node: Node.Settings(id: Self.id, seed: 5), snapshotCount: 1000, lastSnapshot: LogIndex(0),
            limits: limits)
        replica = try Replica(settings, start: .restart(restart))
    }

    /// Handles an event, with a disk and a state machine that finish at once; leaves the other effects.
    mutating func handle(_ event: Replica.Event) {
        replica.handle(event, into: &effects)
        while true {
            if !effects.node.write.isEmpty {
                let sequence = effects.node.write.sequence
                effects.node.write.removeAll()
                replica.handle(.persisted(sequence), into: &effects)
            } else if let last = effects.node.committed.last {
                effects.node.committed.removeAll()
                replica.handle(.applied(last.index), into: &effects)
            } else {
                return
            }
        }
    }

    mutating func hear(_ payload: Message.Payload, from member: MemberID = other, term: UInt64) {
        handle(.message(Message(from: member, to: Self.id, term: Term(term), payload: payload)))
    }

    /// Elected by the other in term 1, its first entry committed.
    mutating func lead() {
        handle(.campaign)
        hear(.preVoteResponse(isGranted: true), term: 1)
        hear(.voteResponse(isGranted: true), term: 1)
        hear(.appendAccepted(LogIndex(1)), term: 1)
        effects.removeAll()
    }

    /// The other leads term 1.
    mutating func follow() {
        hear(.heartbeat(commit: LogIndex(0), context: []), term: 1)
        effects.removeAll()
    }

    /// The contexts of read requests sent to the leader, and forgets them.
    mutating func takeReadContexts() -> [[UInt8]] {
        var contexts: [[UInt8]] = []
        for message in effects.node.messages {
            if case .readIndex(let context) = message.payload { contexts.append(context) }
        }
        effects.node.messages = []
        return contexts
    }
}
