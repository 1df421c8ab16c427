import Backend
import EtcdAPI
import MVCC
import Raft
import SwiftProtobuf
import Wire

/// Members, versions and alarms (api.md 15 and 16, peer.md 8 and 9).
extension StateMachine {
    /// A refused change is no change for raft either, and the proposer learns why.
    func applyConfiguration(_ entry: Entry, into results: inout ApplyResults) {
        var change: ConfigurationChange?
        defer { results.configurations.append((entry.index, change)) }
        // etcd never proposes the joint form; its own members would stop on it.
        guard entry.kind == .configurationChange else { return }
        let decoded: (request: UInt64, change: MembershipChange?)
        do { decoded = try unsafe MembershipChange.decode(entry.data.span.bytes) } catch { return }
        guard let wanted = decoded.change else { return }
        let outcome: Outcome
        do {
            changes += try membership.apply(wanted, learnersMax: learnersMax)
            changes.append(StoredState.stored(membership.configuration))
            change = ConfigurationChange(wanted.kind, wanted.member)
            outcome = .members(member: membership.member(wanted.member), all: membership.members)
        } catch {
            outcome = .failure(error)
        }
        if isAwaited(decoded.request) {
            results.replies.append(Reply(id: decoded.request, outcome: outcome))
        }
    }

    func applyAlarm(in bytes: borrowing RawSpan, _ at: Range<Int>) -> Outcome? {
        guard let request = message(AlarmRequest.self, bytes, at) else { return nil }
        let kind = AlarmRecord.Kind(rawValue: request.alarm.rawValue)
        let revision = keyspace.currentRevision
        switch request.action {
        case .get:
            return .alarm(revision: revision, alarms: alarms.list(kind))
        case .activate:
            guard let kind else { return .alarm(revision: revision, alarms: []) }
            let alarm = AlarmRecord(member: MemberID(request.memberID), kind: kind)
            if alarms.activate(alarm) {
                changes.append(BucketChange(.alarm, key: alarm.encoded, value: []))
            }
            return .alarm(revision: revision, alarms: [alarm])
        case .deactivate:
            guard let kind else { return .alarm(revision: revision, alarms: []) }
            let alarm = AlarmRecord(member: MemberID(request.memberID), kind: kind)
            guard alarms.deactivate(alarm) else { return .alarm(revision: revision, alarms: []) }
            changes.append(BucketChange(.alarm, key: alarm.encoded, value: nil))
            return .alarm(revision: revision, alarms: [alarm])
        case .UNRECOGNIZED:
            return .alarm(revision: revision, alarms: [])
        }
    }

    func applyClusterVersion(in bytes: borrowing RawSpan, _ at: Range<Int>) -> Outcome? {
        guard let request = message(MembershipClusterVersionSetRequest.self, bytes, at) else { return nil }
        setClusterVersion(request.ver)
        return .clusterVersion
    }

    private func setClusterVersion(_ text: String) {
        guard let version = ClusterVersion(text) else { return }
        changes += membership.setClusterVersion(version)
    }

    func applyMemberAttributes(in bytes: borrowing RawSpan, _ at: Range<Int>) -> Outcome? {
        guard let request = message(MembershipClusterMemberAttrSetRequest.self, bytes, at) else { return nil }
        changes += membership.setAttributes(
            of: MemberID(request.memberID), name: request.memberAttributes.name,
            clientURLs: request.memberAttributes.clientUrls)
        return .memberAttributes
    }

    func applyDowngrade(in bytes: borrowing RawSpan, _ at: Range<Int>) -> Outcome? {
        guard let request = message(MembershipDowngradeInfoSetRequest.self, bytes, at) else { return nil }
        changes += membership.setDowngrade(
            DowngradeTarget(enabled: request.enabled, version: request.enabled ? request.ver : ""))
        return .downgradeInfo
    }

    /// The two requests of etcd 3.5's v2 form that still matter; all others touch the v2 store, which does
    /// not exist here.
    func applyV2(_ request: BareRequest) {
        guard request.method == "PUT" else { return }
        if request.path == "/0/version" { return setClusterVersion(request.value) }
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[..<3] == ["", "0", "members"], parts[4] == "attributes",
            let id = MemberID(hex: parts[3]), let value = JSONValue(parsing: Array(request.value.utf8))
        else { return }
        changes += membership.setAttributes(
            of: id, name: value["name"]?.text ?? "", clientURLs: value["clientURLs"]?.texts ?? [])
    }

    private func message<M: SwiftProtobuf.Message>(
        _ type: M.Type, _ bytes: borrowing RawSpan, _ at: Range<Int>
    ) -> M? {
        do { return try M(serializedBytes: bytes.copied(at)) } catch { return nil }
    }
}

extension MembershipChange {
    /// What raft has to do for it.
    var kind: ConfigurationChange.Kind {
        switch self {
        case .add(let member): member.isLearner ? .addLearnerNode : .addNode
        case .promote: .addNode
        case .remove: .removeNode
        case .update: .updateNode
        }
    }
}
