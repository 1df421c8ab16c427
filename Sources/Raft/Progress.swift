/// What a member knows of another: its answers in elections, and, on a leader, how far its log has come.
///
///                 append acknowledged
///     probe ─────────────────────────────► replicate
///      ▲  ▲                                  │    │
///      │  └──── rejected, unreachable ───────┘    │ next entry compacted
///      │                                          ▼
///      └── reported, or acknowledged ────────── snapshot ◄── probe, likewise
///
/// Invariant: `match < next`. A probing follower gets one append at a time, a replicating one a window of
/// them, one that installs a snapshot none (Raft thesis §10.2.1).
struct Progress {
    enum State: Equatable {
        case probe
        case replicate
        /// A snapshot at this index is on its way.
        case snapshot(LogIndex)
    }

    let id: MemberID
    private(set) var state = State.probe
    /// The last entry known to be durable on the member.
    private(set) var match = LogIndex(0)
    /// The next entry to send.
    private(set) var next: LogIndex
    /// The commit index the member was told last.
    private(set) var toldCommit = LogIndex(0)
    /// A probing member has an append unanswered.
    private(set) var isAwaitingAnswer = false
    private(set) var inflights: Inflights
    /// It answered since the last quorum check.
    var isRecentlyActive = false
    /// The newest read round it confirmed.
    var confirmedRound: UInt64 = 0
    /// Its answer in the election at hand.
    var vote: Bool?

    init(id: MemberID, next: LogIndex, inflights: Inflights) {
        self.id = id
        self.next = next
        self.inflights = inflights
    }

    /// No append may be sent now.
    var isPaused: Bool {
        switch state {
        case .probe: isAwaitingAnswer
        case .replicate: inflights.isFull
        case .snapshot: true
        }
    }

    var isInstallingSnapshot: Bool {
        if case .snapshot = state { true } else { false }
    }

    /// From the beginning of a term: nothing known but a guess at `next`.
    mutating func reset(next guess: LogIndex) {
        self = Progress(
            id: id, next: guess,
            inflights: Inflights(countMax: inflights.countMax, bytesMax: inflights.bytesMax))
    }

    mutating func becomeProbe() {
        // After a snapshot it need not be sent what the snapshot holds.
        if case .snapshot(let pending) = state {
            next = max(match + 1, pending + 1)
        } else {
            next = match + 1
        }
        enter(.probe)
    }

    mutating func becomeReplicate() {
        enter(.replicate)
        next = match + 1
    }

    mutating func becomeSnapshot(_ index: LogIndex) {
        enter(.snapshot(index))
        next = index + 1
    }

    /// The snapshot did not arrive: probe from what is known, as if it had not been sent.
    mutating func forgetSnapshot() {
        enter(.probe)
        next = match + 1
    }

    /// Pauses a probing member until its next sign of life.
    mutating func awaitAnswer() { isAwaitingAnswer = true }

    mutating func resume() { isAwaitingAnswer = false }

    /// Notes an append of the entries up to `last`, nil when it carried none.
    mutating func sent(last: LogIndex?, bytes: Int, commit: LogIndex) {
        toldCommit = max(toldCommit, commit)
        switch state {
        case .probe:
            isAwaitingAnswer = true
        case .replicate:
            guard let last else { return }
            next = last + 1
            inflights.add(last: last, bytes: bytes)
        case .snapshot:
            preconditionFailure("append sent to a member that installs a snapshot")
        }
    }

    mutating func toldCommit(_ commit: LogIndex) { toldCommit = max(toldCommit, commit) }

    /// Takes an acknowledgement; true when it says something new.
    mutating func acknowledge(_ index: LogIndex) -> Bool {
        if index <= match { return false }
        match = index
        next = max(next, index + 1)
        isAwaitingAnswer = false
        return true
    }

    mutating func freeInflights(through index: LogIndex) { inflights.free(through: index) }

    mutating func freeFirstInflight() {
        if state == .replicate, inflights.isFull { inflights.freeFirst() }
    }

    /// Takes the rejection of the append that followed `rejected`; false when it is an old one.
    ///
    /// `hint` is where the logs may meet at the latest.
    mutating func reject(_ rejected: LogIndex, hint: LogIndex) -> Bool {
        if state == .replicate {
            if rejected <= match { return false }
            next = match + 1
            return true
        }
        if next.rawValue != rejected.rawValue + 1 { return false }
        next = max(min(rejected, hint + 1), match + 1)
        // What it has been told is no longer certain to have been understood.
        toldCommit = min(toldCommit, match)
        isAwaitingAnswer = false
        return true
    }

    private mutating func enter(_ state: State) {
        self.state = state
        isAwaitingAnswer = false
        toldCommit = min(toldCommit, match)
        inflights.removeAll()
    }

    func checkInvariants() {
        invariant(match < next, "match \(match.rawValue) >= next \(next.rawValue) of \(id.rawValue)")
    }
}
