import Net
import Raft
import Services
import Store
import Synchronization

/// A single member without a log: what is proposed, and what asks to be read, waits until it is taken. Puts,
/// Txns and Ranges need no more.
final class DirectEngine: Engine {
    /// What waits.
    struct Waiting {
        var entries: [Entry] = []
        var tokens: [UInt64] = []
    }

    private let waiting = Mutex(Waiting())

    /// Exchanges what waits for `emptied`.
    func take(into emptied: inout Waiting) {
        waiting.withLock { swap(&$0, &emptied) }
    }

    func propose(_ id: UInt64, _ data: [UInt8], isBrief: Bool) {
        waiting.withLock { $0.entries.append(Entry(id: .zero, data: data)) }
    }

    func readIndex(_ token: UInt64) { waiting.withLock { $0.tokens.append(token) } }

    func proposeWhileLeading(_ term: Term, _ id: UInt64, _ data: [UInt8]) {
        propose(id, data, isBrief: false)
    }

    func proposeConfigurationChange(_ id: UInt64, _ change: MembershipProposal) { refuse() }
    func perform(_ id: UInt64, _ operation: MaintenanceOperation) { refuse() }
    func askLeader(_ id: UInt64, _ request: LeaderErrand) { refuse() }
    func work(_ id: UInt64, _ work: PasswordWork) { refuse() }
    func transferLeadership(to target: MemberID) { refuse() }

    private func refuse() -> Never { preconditionFailure("no workload asks for it") }

    let status = EngineStatus(leader: LocalStore.member, term: Term(2))
    let activePeers: [MemberID: MonotonicTime] = [:]
    let progress: [MemberID: LogIndex] = [:]
    let backendSize = BackendSize(total: 65_536, inUse: 16_384)
}
