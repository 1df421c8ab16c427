/// Linearizable reads on a leader: each waits for a quorum to confirm, after it came, that this member
/// still leads (thesis §6.4). Reads that come while a round of heartbeats is under way share the next one.
///
/// Rounds are numbered from 1 within a term; the number travels as heartbeat context, 8 bytes
/// little-endian. One round is in flight at a time; a lost one is repeated by the next heartbeat tick.
struct ReadRounds {
    enum Origin {
        case local(UInt64)
        case remote(MemberID, context: [UInt8])
    }

    struct Waiting {
        var origin: Origin
        /// The commit index when the read came: what it must see.
        var index: LogIndex
        var round: UInt64
    }

    private let waitingMax: Int
    /// Reads that came before the leader committed an entry of its term: it does not know the commit index.
    private var early: [Origin] = []
    private var waiting: [Waiting] = []
    /// The round of the heartbeats sent last.
    private(set) var current: UInt64 = 0
    private var confirmed: UInt64 = 0
    private var readable: [ReadState] = []
    private var dropped: [UInt64] = []

    init(waitingMax: Int) { self.waitingMax = waitingMax }

    /// True when reads wait for a round that may begin now.
    var isRoundWanted: Bool { confirmed == current && (waiting.last?.round ?? 0) > current }

    /// What heartbeats carry; empty when no read waits.
    var context: [UInt8] {
        if waiting.isEmpty { return [] }
        return (0..<8).map { UInt8(truncatingIfNeeded: current >> (8 * $0)) }
    }

    mutating func startRound() { current += 1 }

    /// At a heartbeat tick every waiting read joins, whether or not the last round came to an end.
    mutating func nextRoundMayStart() {
        if let last = waiting.last, last.round > current { current = last.round }
    }

    mutating func waitForCommit(_ origin: Origin) {
        if early.count < waitingMax { early.append(origin) } else { drop(origin) }
    }

    mutating func takeEarly() -> [Origin] {
        let origins = early
        early = []
        return origins
    }

    mutating func wait(_ origin: Origin, index: LogIndex) {
        if waiting.count < waitingMax {
            waiting.append(Waiting(origin: origin, index: index, round: current + 1))
        } else {
            drop(origin)
        }
    }

    /// Takes out the reads of all rounds up to `round`, which a quorum has confirmed.
    mutating func confirm(through round: UInt64) -> ArraySlice<Waiting> {
        confirmed = max(confirmed, min(round, current))
        let count = waiting.firstIndex { $0.round > confirmed } ?? waiting.count
        let done = waiting[..<count]
        waiting.removeFirst(count)
        return done
    }

    /// The round a heartbeat answer confirms; nil for an empty context or one that is not of this leader.
    func round(in context: [UInt8]) -> UInt64? {
        if context.count != 8 { return nil }
        var round: UInt64 = 0
        for (place, byte) in context.enumerated() { round |= UInt64(byte) << (8 * UInt64(place)) }
        return round <= current ? round : nil
    }

    mutating func answer(_ token: UInt64, at index: LogIndex) {
        readable.append(ReadState(token: token, index: index))
    }

    mutating func drop(_ origin: Origin) {
        if case .local(let token) = origin { dropped.append(token) }
    }

    /// Takes the leader's answer to a read that was handed to it.
    mutating func receive(_ index: LogIndex, context: [UInt8]) {
        if let token = Self.token(in: context) { answer(token, at: index) }
    }

    /// This member leads no longer, or in another term: its own readers must ask again.
    mutating func abandon() {
        for origin in early { drop(origin) }
        for read in waiting { drop(read.origin) }
        early.removeAll()
        waiting.removeAll()
        current = 0
        confirmed = 0
    }

    mutating func drain(readable target: inout [ReadState], dropped droppedTarget: inout [UInt64]) {
        if !readable.isEmpty {
            target.append(contentsOf: readable)
            readable.removeAll(keepingCapacity: true)
        }
        if !dropped.isEmpty {
            droppedTarget.append(contentsOf: dropped)
            dropped.removeAll(keepingCapacity: true)
        }
    }

    /// A token as it travels in MsgReadIndex: 8 bytes big-endian (spec/raft.md 4).
    static func context(of token: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: token >> (56 - 8 * $0)) }
    }

    static func token(in context: [UInt8]) -> UInt64? {
        if context.count != 8 { return nil }
        return context.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
