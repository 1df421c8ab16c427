import EtcdAPI
import HTTP
import Net
import Raft
import Store
import SwiftProtobuf
import Wire

/// The Cluster service (api.md 15). Changes are checked here as far as one member can see, and again
/// when they are applied.
extension LoopServices {
    func cluster(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        let request = bytes.copied()
        do {
            switch method {
            case .memberAdd: memberAdd(call, try MemberAddRequest(serializedBytes: request))
            case .memberRemove: memberRemove(call, try MemberRemoveRequest(serializedBytes: request))
            case .memberUpdate: memberUpdate(call, try MemberUpdateRequest(serializedBytes: request))
            case .memberPromote: memberPromote(call, try MemberPromoteRequest(serializedBytes: request))
            default:
                let list = try MemberListRequest(serializedBytes: request)
                if list.linearizable { reads.gather(.memberList(call)) } else { respondMemberList(call) }
            }
        } catch {
            finish(call, method, .malformedRequest)
        }
    }

    private func memberAdd(_ call: GRPCCall, _ request: MemberAddRequest) {
        guard let urls = PeerURLs(request.peerUrls) else {
            return finish(call, .memberAdd, .memberURLsInvalid)
        }
        if let refusal = MembershipGuard(context, now: now).refusalOfAdding(learner: request.isLearner) {
            return finish(call, .memberAdd, refusal)
        }
        let id = MemberID(peerURLs: urls.sorted, addedAt: wallClockSeconds())
        let member = ClusterMember(id: id, peerURLs: urls.sorted, isLearner: request.isLearner)
        propose(.add(member), .memberAdd(call))
    }

    private func memberRemove(_ call: GRPCCall, _ request: MemberRemoveRequest) {
        let id = MemberID(request.id)
        if let refusal = MembershipGuard(context, now: now).refusalOfRemoving(id) {
            return finish(call, .memberRemove, refusal)
        }
        guard id.rawValue != 0 else { return finish(call, .memberRemove, GRPCStatus(.memberNotFound)) }
        propose(.remove(id), .memberRemove(call))
    }

    /// The URLs are not looked at (api.md 15).
    private func memberUpdate(_ call: GRPCCall, _ request: MemberUpdateRequest) {
        guard request.id != 0 else { return finish(call, .memberUpdate, GRPCStatus(.memberNotFound)) }
        propose(.update(MemberID(request.id), peerURLs: request.peerUrls), .memberUpdate(call))
    }

    private func memberPromote(_ call: GRPCCall, _ request: MemberPromoteRequest) {
        let id = MemberID(request.id)
        guard engine.status.leader == context.member else {
            return askLeader(.promote(id), .promote(call))
        }
        let guardian = MembershipGuard(context, now: now)
        if let refusal = guardian.refusalOfPromoting(id, progress: engine.progress) {
            return finish(call, .memberPromote, GRPCStatus(leader: refusal))
        }
        propose(.promote(id), .memberPromote(call))
    }

    private func propose(_ change: MembershipChange, _ waiter: Waiter) {
        let id = drawID()
        waiters.insert(waiter, id: id, deadline: now + limits.requestTimeout)
        engine.proposeConfigurationChange(id, MembershipProposal(change))
    }

    func respondMemberList(_ call: GRPCCall) {
        respondMembers(call, .memberList, member: nil, all: context.membership.members)
    }

    /// MemberAdd carries the new member as field 2 and all as field 3; the others all as field 2.
    /// The header has no revision.
    func respondMembers(_ call: GRPCCall, _ method: Method, member: ClusterMember?, all: [ClusterMember]) {
        var message = responses.begin(revision: 0)
        if method == .memberAdd, let member {
            message.appendField(2, always: encoded(member))
        }
        for other in all.sorted(by: { $0.id < $1.id }) {
            message.appendField(method == .memberAdd ? 3 : 2, always: encoded(other))
        }
        respond(call, method, message)
    }

    /// Member {1 ID, 2 name, 3 peerURLs, 4 clientURLs, 5 isLearner}.
    private func encoded(_ member: ClusterMember) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, member.id.rawValue)
        bytes.appendField(2, member.name)
        for url in member.peerURLs { bytes.appendField(3, always: Array(url.utf8)) }
        for url in member.clientURLs { bytes.appendField(4, always: Array(url.utf8)) }
        bytes.appendField(5, member.isLearner)
        return bytes
    }
}
