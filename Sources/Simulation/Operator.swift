import Journal
import Raft
import Replication
import Store

/// Changes the membership while everything runs: adds learners and voters, promotes, removes, replaces.
///
/// It keeps to what an operator may do: one change after the other, a new member is started once it was
/// added, a learner is promoted when it has caught up, and voters stay between two and five, so that the
/// members there are always make a cluster.
struct Operator {
    private var chance: Chance
    /// Of members that are added.
    var memberChance = Chance(seed: 0)

    init(chance: Chance) { self.chance = chance }

    /// Makes one change, through whichever member leads, and plans the next.
    mutating func act(on cluster: Cluster) {
        guard cluster.phase == .wild else { return }
        let pause = chance.between(50_000, cluster.scenario.changeInterval)
        cluster.queue.add(.operatorActs, at: cluster.now + pause)
        startAdded(cluster)
        stopRemoved(cluster)
        guard let leader = cluster.members.last(where: { $0.running?.leads == true }),
            let running = leader.running, let change = nextChange(running, cluster)
        else { return }
        cluster.note("operator: \(change)")
        let id = running.ids.draw()
        cluster.referee.proposed(id, .change(change), call: nil)
        leader.handle(.proposeConfigurationChange(tag: id, change.proposal(id: id)), in: running)
    }

    private mutating func nextChange(_ running: Running, _ cluster: Cluster) -> MembershipChange? {
        let members = running.membership.members
        let voters = members.filter { !$0.isLearner }
        let learner = members.first(where: \.isLearner)
        if let learner, chance.happens(500) {
            let match = running.replica.progress.first { $0.id == learner.id }?.match ?? LogIndex(0)
            let isReady = match.rawValue * 10 >= running.replica.status.committed.rawValue * 9
            return isReady ? .promote(learner.id) : nil
        }
        if voters.count > 2, chance.happens(400) {
            return .remove(chance.pick(members).id)
        }
        guard cluster.members.count < cluster.scenario.membersMax, voters.count < 5 else { return nil }
        // Whether the proposal comes through or not, the place is taken: ids are never used again.
        guard let added = try? cluster.addMember(isFounder: false, memberChance.fork()) else { return nil }
        added.isWaiting = true
        return .add(Member.record(of: added.place, isLearner: learner == nil && chance.happens(600)))
    }

    /// A member that the cluster knows is started for the first time.
    func startAdded(_ cluster: Cluster) {
        for member in cluster.members where member.isWaiting {
            guard cluster.referee.model.members[member.id] != nil else { continue }
            member.isWaiting = false
            cluster.queue.add(.start(member: member.place), at: cluster.now + 1_000)
        }
    }

    /// A removed member runs on for a while, then its machine is taken away.
    private mutating func stopRemoved(_ cluster: Cluster) {
        for member in cluster.members where !member.isRetired && !member.isWaiting {
            guard cluster.referee.model.members[member.id] == nil, chance.happens(400) else { continue }
            retire(member)
        }
    }

    /// Takes every removed member out of service.
    func retireRemoved(_ cluster: Cluster) {
        for member in cluster.members where !member.isRetired && !member.isWaiting {
            if cluster.referee.model.members[member.id] == nil { retire(member) }
        }
    }

    func retire(_ member: Member) {
        member.isRetired = true
        member.die(.killed)
    }
}

extension Member {
    /// What the cluster is told about a member.
    static func record(of place: Int, isLearner: Bool = false) -> ClusterMember {
        ClusterMember(id: id(of: place), peerURLs: ["http://10.0.0.\(place + 1):2380"], isLearner: isLearner)
    }
}

extension MembershipChange {
    /// The proposal of this change, as Services makes it.
    func proposal(id: UInt64) -> ConfigurationProposal {
        guard let kind = ConfigurationChange.Kind(rawValue: type) else {
            preconditionFailure("no ConfChangeType \(type)")
        }
        let change = ConfigurationChange(kind, member)
        let entry = ConfigurationEntry(id: id, change: change, context: context)
        return ConfigurationProposal(
            kind: .configurationChange, data: entry.data(kind: .configurationChange), change: change)
    }
}
