import Net
import Raft
import Services
import Synchronization

/// What any thread may ask about this member's place in the cluster.
///
/// The replica worker writes the raft half before it sends a message that follows from it; the apply
/// worker writes how far it has come.
final class MemberStatus: Sendable {
    private struct State {
        var leader: MemberID?
        var term = Term(0)
        var committed = LogIndex(0)
        /// This member leads and decides alone, as of the last status.
        var isSoleLeader = false
        /// The term whose first entry this member has applied as its leader.
        var termReached = Term(0)
        var leaderChanges: UInt64 = 0
        var leaderSince: MonotonicTime?
        /// On a leader: up to where each member's log equals its own.
        var progress: [MemberID: LogIndex] = [:]
    }

    /// Protects the raft half; held for a copy only.
    private let state = Mutex(State())
    /// Index of the last entry applied.
    private let applied = Atomic<UInt64>(0)

    var engineStatus: EngineStatus {
        state.withLock { now in
            EngineStatus(
                leader: now.leader, term: now.term, committed: now.committed, applied: appliedIndex,
                leaderSince: now.leaderSince)
        }
    }

    /// How often a leader was seen that was not the one before.
    var leaderChanges: UInt64 { state.withLock { $0.leaderChanges } }

    var progress: [MemberID: LogIndex] { state.withLock { $0.progress } }

    var appliedIndex: LogIndex { LogIndex(applied.load(ordering: .acquiring)) }

    /// Whether a read may go on at once, without a round.
    ///
    /// A sole voter commits and applies a write before it acknowledges it, so its applied state holds
    /// everything acknowledged, once it has applied the first entry of its term (which stands behind
    /// everything acknowledged by earlier starts). The flag falls before the member sends a vote or
    /// lets a second voter count, so no other leader can have acknowledged anything yet (Raft thesis §6.4).
    var allowsLocalReads: Bool {
        state.withLock { $0.isSoleLeader && $0.termReached == $0.term }
    }

    /// Publishes raft's status; true when another leader (or none) is known than before.
    func publish(_ status: Node.Status) -> Bool {
        state.withLock { state in
            let isChanged = state.leader != status.leader
            if isChanged, status.leader != nil { state.leaderChanges += 1 }
            if isChanged { state.leaderSince = status.leader == nil ? nil : MonotonicTime.now() }
            if status.role != .leader { state.progress.removeAll() }
            state.leader = status.leader
            state.term = status.term
            state.committed = status.committed
            state.isSoleLeader = status.isSoleVoter && status.role == .leader
            return isChanged
        }
    }

    /// What this member knows of the others as their leader.
    func publish(_ progress: [Node.MemberProgress]) {
        let matches = Dictionary(progress.map { ($0.id, $0.match) }, uniquingKeysWith: { $1 })
        state.withLock { $0.progress = matches }
    }

    /// Whether this member leads `term`.
    func leads(_ term: Term, localID: MemberID) -> Bool {
        state.withLock { $0.leader == localID && $0.term == term }
    }

    func publishApplied(_ index: LogIndex) { applied.store(index.rawValue, ordering: .releasing) }

    /// The apply thread has applied the empty first entry of `term`; true when this member leads that term.
    func reached(_ term: Term, localID: MemberID) -> Bool {
        state.withLock { state in
            guard state.leader == localID, state.term == term else { return false }
            state.termReached = term
            return true
        }
    }
}
