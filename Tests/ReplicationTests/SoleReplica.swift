import Raft

@testable import Replication

/// A replica that decides alone, with a journal and a state machine that answer when told to.
struct SoleReplica {
    static let id = MemberID(7)
    var replica: Replica
    var effects = Replica.Effects()
    var written: [Entry] = []
    var applied: [Entry] = []
    var statuses: [Node.Status] = []
    var refused: [Refusal] = []
    var readable: [ReadState] = []
    var droppedReads: [UInt64] = []
    var snapshotsWanted: [LogIndex] = []
    private var unanswered: WriteSequence?

    init(
        start: Node.Start? = nil, snapshotCount: UInt64 = 10_000, limits: Replica.Limits = Replica.Limits()
    ) throws {
        let node = Node.Settings(id: Self.id, seed: 1)
        let settings = Replica.Settings(
            node: node, snapshotCount: snapshotCount, lastSnapshot: LogIndex(0), limits: limits)
        let member = Node.BootstrapMember(id: Self.id, data: [1])
        replica = try Replica(settings, start: start ?? .bootstrap([member]))
    }

    /// Handles one event and takes what it caused, answering nothing.
    mutating func handle(_ event: Replica.Event) {
        replica.handle(event, into: &effects)
        replica.checkInvariants()
        if !effects.node.write.isEmpty {
            written += effects.node.write.entries
            unanswered = effects.node.write.sequence
        }
        toApply += effects.node.committed
        if let status = effects.status { statuses.append(status) }
        refused += effects.refused
        readable += effects.readable
        droppedReads += effects.droppedReads
        if let index = effects.snapshotWanted { snapshotsWanted.append(index) }
        effects.removeAll()
    }

    private(set) var toApply: [Entry] = []

    /// Lets the journal finish what it has; false when it has nothing.
    mutating func persist() -> Bool {
        guard let sequence = unanswered else { return false }
        unanswered = nil
        handle(.persisted(sequence))
        return true
    }

    /// Lets the state machine finish what it has; false when it has nothing.
    mutating func apply() -> Bool {
        guard let last = toApply.last else { return false }
        let entries = toApply
        toApply = []
        applied += entries
        if last.kind == .normal {
            handle(.applied(last.index))
        } else {
            handle(.configurationDecided(last.index, ConfigurationChange(.addNode, Self.id)))
        }
        return true
    }

    /// Runs until nothing is left to do.
    mutating func run(_ event: Replica.Event) {
        handle(event)
        while persist() || apply() {}
    }

    /// Elected, its first entry applied.
    static func elected(
        snapshotCount: UInt64 = 10_000, limits: Replica.Limits = Replica.Limits()
    ) throws -> SoleReplica {
        var sole = try SoleReplica(snapshotCount: snapshotCount, limits: limits)
        sole.run(.tick)
        sole.run(.tick)
        return sole
    }

    mutating func propose(_ tags: ClosedRange<UInt64>) {
        handle(.propose(tags.map { ProposedEntry(tag: $0, data: [UInt8(truncatingIfNeeded: $0)]) }))
    }
}
