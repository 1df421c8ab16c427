import Journal
import Net
import Peers
import Store
import Synchronization

/// Compares this member's key space with every other member's before it serves (feature InitialCorruptCheck,
/// spec/config.md 11): a hash that differs at one revision and one compaction ends the start. Members that
/// cannot be asked, or are elsewhere in their history, prove nothing. On the peers loop.
final class InitialCorruptionCheck {
    private let member: Member
    private let client: PeerClient
    private let pages: ErrandPages
    private var missing = 0

    init(member: Member, client: PeerClient, pages: ErrandPages) {
        self.member = member
        self.client = client
        self.pages = pages
    }

    /// Says through `Member.isChecked` when the member may serve.
    func begin() {
        let others = member.membership.members.filter { $0.id != member.metadata.memberID }
        guard member.configuration.features.isEnabled(.initialCorruptCheck), !others.isEmpty else {
            return pass()
        }
        missing = others.count
        pages.hashKV(revision: 0) { [self] answer in
            guard case .hash(let own) = answer else { return pass() }
            for other in others { compare(own, with: other) }
        }
    }

    private func compare(_ own: HashAnswer.Hash, with other: ClusterMember) {
        CorruptionMonitor.ask(client, other, revision: own.hashRevision, member) { [self] answer in
            if case .hash(let theirs)? = answer, own.contradicts(theirs) {
                member.fatal(
                    "checkInitialHashKV failed: found different hash values from remote peer \(other.id.hex) "
                        + "at revision \(own.hashRevision): \(own.hash) here, \(theirs.hash) there")
            }
            missing -= 1
            if missing == 0 { pass() }
        }
    }

    private func pass() { member.isChecked.store(true, ordering: .releasing) }
}
