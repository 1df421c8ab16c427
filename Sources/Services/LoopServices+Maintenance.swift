import EtcdAPI
import HTTP
import MVCC
import Raft
import Store
import Wire

/// The Maintenance service (api.md 16). Heavy work runs on the engine's worker; its result comes back
/// through `performed`.
extension LoopServices {
    func maintenance(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        switch method {
        case .status: respondStatus(call)
        case .alarm:
            guard (try? TwoNumbers(decoding: bytes)) != nil else {
                return finish(call, .alarm, .malformedRequest)
            }
            proposeOrRefuse(call, .alarm, .alarm, bytes, .alarm(call))
        case .defragment: perform(.defragment, for: call, .defragment)
        case .hash: perform(.hash, for: call, .hash)
        case .hashKV:
            guard let request = try? TwoNumbers(decoding: bytes) else {
                return finish(call, .hashKV, .malformedRequest)
            }
            perform(.hashKV(revision: request.first), for: call, .hashKV)
        case .snapshot: perform(.snapshot, for: call, .snapshot)
        case .moveLeader:
            guard let request = try? TwoNumbers(decoding: bytes) else {
                return finish(call, .moveLeader, .malformedRequest)
            }
            moveLeader(call, to: MemberID(UInt64(bitPattern: request.first)))
        default:
            guard let request = Downgrade(decoding: bytes) else {
                return finish(call, .downgrade, .malformedRequest)
            }
            downgrade(call, request)
        }
    }

    private func perform(_ operation: MaintenanceOperation, for call: GRPCCall, _ method: Method) {
        let id = drawID()
        operations[id] = (call, method)
        engine.perform(id, operation)
    }

    func finishMaintenance(_ call: GRPCCall, _ method: Method, _ result: MaintenanceResult) {
        let revision = context.keyspace.currentRevision
        switch result {
        case .hash(let hash):
            var message = responses.begin(revision: revision)
            message.appendField(2, UInt64(hash))
            respond(call, method, message)
        case .hashKV(let hash, let compactRevision, let hashRevision):
            var message = responses.begin(revision: revision)
            message.appendField(2, UInt64(hash))
            message.appendField(3, compactRevision)
            if context.storageVersion != nil { message.appendField(4, hashRevision) }
            respond(call, method, message)
        // The header is absent (api.md 2.4).
        case .defragmented: respond(call, method, [])
        case .snapshot(let copy):
            SnapshotStream(self, call, copy, version: context.storageVersion?.text ?? "").start()
        case .compacted: finish(call, method, GRPCStatus(.compacted))
        case .futureRevision: finish(call, method, GRPCStatus(.futureRevision))
        case .failed(let text): finish(call, method, GRPCStatus(.unknown, text))
        }
    }

    func respondAlarm(_ call: GRPCCall, revision: Int64, alarms: [AlarmRecord]) {
        var message = responses.begin(revision: revision)
        for alarm in alarms { message.appendField(2, always: alarm.encoded) }
        respond(call, .alarm, message)
    }

    private func respondStatus(_ call: GRPCCall) {
        let status = engine.status
        let size = engine.backendSize
        responses.term = status.term
        var message = responses.begin(revision: context.keyspace.currentRevision, reserving: 128)
        message.appendField(2, context.version)
        message.appendField(3, size.total)
        message.appendField(4, status.leader?.rawValue ?? 0)
        message.appendField(5, status.committed.rawValue)
        message.appendField(6, status.term.rawValue)
        message.appendField(7, status.applied.rawValue)
        for error in statusErrors(status) { message.appendField(8, always: Array(error.utf8)) }
        message.appendField(9, size.inUse)
        message.appendField(10, context.membership.isLocalLearner)
        if let storage = context.storageVersion {
            message.appendField(11, storage.text)
            message.appendField(12, limits.quotaReported)
            message.appendField(13, always: downgradeInfo())
        }
        respond(call, .status, message)
    }

    /// Alarms in the text form of etcd's protobuf library, with its trailing space.
    private func statusErrors(_ status: EngineStatus) -> [String] {
        let leaderless = status.leader == nil ? [GRPCStatus.noLeader.message] : []
        return leaderless
            + context.alarms.list().map { alarm in
                let kind = alarm.kind == .noSpace ? "NOSPACE" : "CORRUPT"
                return "memberID:\(alarm.member.rawValue) alarm:\(kind) "
            }
    }

    /// DowngradeInfo {1 enabled, 2 targetVersion}; empty, but present, when none is under way.
    private func downgradeInfo() -> [UInt8] {
        let target = context.membership.downgrade
        var bytes: [UInt8] = []
        bytes.appendField(1, target.enabled)
        if target.enabled { bytes.appendField(2, Array(target.version.utf8)) }
        return bytes
    }

    // MoveLeader.

    private func moveLeader(_ call: GRPCCall, to target: MemberID) {
        guard engine.status.leader == context.member else { return finish(call, .moveLeader, .notLeader) }
        guard let member = context.membership.member(target), !member.isLearner else {
            return finish(call, .moveLeader, .badLeaderTransferee)
        }
        if target != context.member { engine.transferLeadership(to: target) }
        streams.moves.append(LeadershipMove(call: call, target: target))
        tickMoves()
    }

    /// Answers the moves that have happened; the others wait for their caller's deadline.
    func tickMoves() {
        guard !streams.moves.isEmpty else { return }
        let leader = engine.status.leader
        for move in streams.moves where move.target == leader { respond(move.call, .moveLeader, []) }
        streams.moves.removeAll { $0.target == leader || !$0.call.isOpen }
    }
}

/// A MoveLeader call waiting for its target to lead.
struct LeadershipMove {
    var call: GRPCCall
    var target: MemberID
}
