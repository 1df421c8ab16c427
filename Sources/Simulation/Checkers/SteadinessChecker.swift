import Raft
import Replication

/// A member that comes back after it was cut off must not cost the others their leader (Raft thesis §9.6):
/// with pre-vote it has raised no term meanwhile, and nobody votes while the leader lives.
struct SteadinessChecker {
    private var leadership: (leader: MemberID, term: Term)?

    /// Cuts one follower off, where that leaves a quorum.
    mutating func begin(_ cluster: Cluster) {
        guard cluster.scenario.isPreVoting,
            let leader = cluster.members.first(where: { $0.running?.leads == true }),
            let status = leader.running?.replica.status,
            let configuration = leader.running?.replica.configuration, configuration.voters.count >= 3,
            let follower = configuration.voters.first(where: { $0 != leader.id }),
            let place = cluster.member(follower)?.place
        else { return }
        leadership = (leader.id, status.term)
        cluster.network.isolate(place)
        cluster.note("member \(place) is cut off")
    }

    /// Why the end is not as it was.
    func verdict(_ cluster: Cluster) -> String? {
        guard let (id, term) = leadership, let running = cluster.member(id)?.running else { return nil }
        let status = running.replica.status
        if running.leads, status.term == term { return nil }
        return "member \(id.hex) led term \(term.rawValue), and a follower that came back ended that: now "
            + "term \(status.term.rawValue)"
    }
}
