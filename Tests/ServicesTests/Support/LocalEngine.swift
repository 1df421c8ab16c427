import Glibc
import MVCC
import Net
import Raft
import Store
import Synchronization
import Wire

@testable import Services

/// A single member without a log: what is proposed waits until the test lets it be applied.
final class LocalEngine: Engine {
    struct State {
        var entries: [(id: UInt64, kind: Entry.Kind, data: [UInt8])] = []
        var tokens: [UInt64] = []
        var operations: [(id: UInt64, operation: MaintenanceOperation)] = []
        var passwords: [(id: UInt64, work: PasswordWork)] = []
        var transfers: [MemberID] = []
        var asked: [(id: UInt64, request: LeaderErrand)] = []
        var active: [MemberID: MonotonicTime] = [:]
        var progress: [MemberID: LogIndex] = [:]
        var status = EngineStatus()
        var size = BackendSize(total: 65_536, inUse: 16_384)
    }

    let state = Mutex(State())

    func propose(_ id: UInt64, _ data: [UInt8], isBrief: Bool) {
        state.withLock { $0.entries.append((id, .normal, data)) }
    }

    func proposeWhileLeading(_ term: Term, _ id: UInt64, _ data: [UInt8]) {
        propose(id, data, isBrief: false)
    }

    func proposeConfigurationChange(_ id: UInt64, _ change: MembershipProposal) {
        var data: [UInt8] = []
        data.appendField(1, id)
        data.appendField(2, change.kind.rawValue)
        data.appendField(3, change.member.rawValue)
        data.appendField(4, change.context)
        state.withLock { $0.entries.append((id, .configurationChange, data)) }
    }

    func readIndex(_ token: UInt64) { state.withLock { $0.tokens.append(token) } }

    func perform(_ id: UInt64, _ operation: MaintenanceOperation) {
        state.withLock { $0.operations.append((id, operation)) }
    }

    func work(_ id: UInt64, _ work: PasswordWork) { state.withLock { $0.passwords.append((id, work)) } }

    func transferLeadership(to target: MemberID) { state.withLock { $0.transfers.append(target) } }

    func askLeader(_ id: UInt64, _ request: LeaderErrand) {
        state.withLock { $0.asked.append((id, request)) }
    }

    var status: EngineStatus { state.withLock { $0.status } }
    var activePeers: [MemberID: MonotonicTime] { state.withLock { $0.active } }
    var progress: [MemberID: LogIndex] { state.withLock { $0.progress } }
    var backendSize: BackendSize { state.withLock { $0.size } }

    func take<T: Sendable>(_ queue: any WritableKeyPath<State, [T]> & Sendable) -> [T] {
        state.withLock { state in
            let all = state[keyPath: queue]
            state[keyPath: queue].removeAll()
            return all
        }
    }
}

/// A copy of a database of `size` bytes, made of a repeating pattern.
func patternCopy(size: Int) -> (copy: SnapshotCopy, bytes: [UInt8]) {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let path = "/tmp/services-test-copy-\(getpid())-\(UInt64.random(in: .min ... .max))"
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    precondition(descriptor >= 0)
    unsafe unlink(path)
    let written = unsafe write(descriptor, bytes, bytes.count)
    precondition(written == bytes.count)
    return (SnapshotCopy(descriptor: descriptor, size: UInt64(size)), bytes)
}
