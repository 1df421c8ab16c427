import EtcdAPI
import HTTP
import Journal
import Logging
import MVCC
import Net
import Peers
import Raft
import Replication
import Services
import Store
import Wire

/// Compares, on a leader, the key spaces of all members by HashKV at one revision, every
/// --corrupt-check-time; a member whose hash differs where its compaction does not gets the CORRUPT alarm,
/// which stops the cluster from serving wrong data (spec/config.md 11). With the feature CompactHashCheck
/// also at the revision of the last compaction, every --compact-hash-check-time. On the peers loop.
final class CorruptionMonitor {
    private let member: Member
    private let client: PeerClient
    private let pages: ErrandPages
    private let desk: LeaderDesk
    private var periodic: Recurrence
    private var compacted: Recurrence
    /// The compaction at which all members last agreed, or were told that they do not.
    private var judged: Int64 = 0

    private static let timeout: Duration = .seconds(5)

    init(member: Member, client: PeerClient, pages: ErrandPages, desk: LeaderDesk) {
        self.member = member
        self.client = client
        self.pages = pages
        self.desk = desk
        let configuration = member.configuration
        periodic = Recurrence(every: configuration.diagnostics.corruptCheckTime)
        compacted = Recurrence(
            every: configuration.features.isEnabled(.compactHashCheck)
                ? configuration.diagnostics.compactHashCheckTime : .zero)
    }

    func tick(now: MonotonicTime) {
        let leads = member.status.engineStatus.leader == member.metadata.memberID
        if periodic.isDue(at: now, while: leads) { check() }
        if compacted.isDue(at: now, while: leads), member.keyspace.compactedRevision > judged {
            checkCompaction()
        }
    }

    private var others: [ClusterMember] {
        member.membership.members.filter { $0.id != member.metadata.memberID }
    }

    private func check() {
        pages.hashKV(revision: 0) { [weak self] answer in
            guard let self, case .hash(let own) = answer else { return }
            for other in others { compare(own, with: other) }
        }
    }

    /// Asks all members for the hash that finishing the last compaction left. Who cannot answer, or has not
    /// finished it, is asked at a later turn.
    private func checkCompaction() {
        let revision = member.keyspace.compactedRevision
        pages.hashKV(revision: revision) { [weak self] answer in
            guard let self, case .hash(let own) = answer else { return }
            let poll = CompactionPoll(own, of: member.metadata.memberID, awaiting: others.count)
            for other in others {
                Self.ask(client, other, revision: revision, member) { [weak self] answer in
                    guard let verdict = poll.heard(answer, from: other.id) else { return }
                    self?.judge(verdict, at: revision)
                }
            }
        }
    }

    private func judge(_ verdict: CompactionPoll.Verdict, at revision: Int64) {
        if verdict.isFinal { judged = max(judged, revision) }
        for suspect in verdict.suspects {
            member.logger.error(
                "found different compaction hash values",
                metadata: [
                    "remote-peer-id": "\(suspect.hex)", "compact-revision": .stringConvertible(revision),
                ])
            raiseAlarm(for: suspect)
        }
    }

    private func compare(_ own: HashAnswer.Hash, with other: ClusterMember) {
        Self.ask(client, other, revision: own.hashRevision, member) { [weak self] answer in
            guard let self, case .hash(let theirs)? = answer, own.contradicts(theirs) else { return }
            member.logger.error(
                "found different hash values from remote peer",
                metadata: [
                    "remote-peer-id": "\(other.id.hex)", "revision": .stringConvertible(own.hashRevision),
                    "local-member-hash": .stringConvertible(own.hash),
                    "remote-peer-hash": .stringConvertible(theirs.hash),
                ])
            raiseAlarm(for: other.id)
        }
    }

    /// Asks a member for its hash; nil when it cannot be had.
    static func ask(
        _ client: PeerClient, _ other: ClusterMember, revision: Int64, _ member: Member,
        _ answer: @escaping (HashAnswer?) -> Void
    ) {
        guard let url = other.peerURLs.first else { return answer(nil) }
        let headers = [WebHeader("X-Etcd-Cluster-ID", String(member.metadata.clusterID, radix: 16))]
        client.request(
            "GET", url: url, path: "/members/hashkv", headers: headers,
            body: HashAnswer.request(revision: revision), timeout: timeout
        ) { result in
            if case .success(let response) = result { answer(HashAnswer(response)) } else { answer(nil) }
        }
    }

    /// AlarmRequest {1 action ACTIVATE, 2 member, 3 alarm CORRUPT}.
    private func raiseAlarm(for id: MemberID) {
        if member.alarms.list(.corrupt).contains(where: { $0.member == id }) { return }
        var request: [UInt8] = []
        request.appendField(1, UInt64(1))
        request.appendField(2, id.rawValue)
        request.appendField(3, UInt64(2))
        desk.propose(.alarm, request)
    }
}

extension HashAnswer.Hash {
    /// Two members at one revision and one compaction must agree.
    func contradicts(_ other: HashAnswer.Hash) -> Bool {
        hashRevision == other.hashRevision && compactRevision == other.compactRevision && hash != other.hash
    }
}
