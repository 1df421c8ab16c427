import Glibc
import Raft
import Replication

/// Makes things go wrong, and mends them again, as the seed wants it.
///
/// It may take any number of members down and cut any links: safety must hold whatever is left. Disks are
/// never lost, so that the calm after it always finds a quorum.
struct Tormentor {
    private let scenario: Scenario
    private var chance: Chance

    init(_ scenario: Scenario, chance: Chance) {
        self.scenario = scenario
        self.chance = chance
    }

    /// Torments once and plans the next time.
    mutating func act(on cluster: Cluster) {
        guard cluster.phase == .wild else { return }
        cluster.queue.add(.torment, at: cluster.now + chance.between(1_000, 2 * scenario.tormentInterval))
        guard !scenario.torments.isEmpty else { return }
        let torment = chance.pick(scenario.torments)
        cluster.note("torment \(torment)")
        cluster.trace.event(cluster.now, 40, 0, UInt64(Torment.allCases.firstIndex(of: torment) ?? 0))
        perform(torment, on: cluster)
        // Most cuts do not last, or no run would get anywhere.
        if chance.happens(300) { cluster.network.heal() }
    }

    private mutating func perform(_ torment: Torment, on cluster: Cluster) {
        switch torment {
        case .kill: down(anyone(cluster), .killed, cluster)
        case .powerCut: down(anyone(cluster), .powerless, cluster)
        case .powerCutOfAll:
            guard chance.happens(200) else { return }
            for member in cluster.members { down(member, .powerless, cluster) }
        case .isolate: cluster.network.isolate(anyone(cluster).place)
        case .cutLink:
            let (a, b) = (anyone(cluster).place, anyone(cluster).place)
            cluster.network.cut(from: a, to: b)
            cluster.network.cut(from: b, to: a)
        case .cutOneWay: cluster.network.cut(from: anyone(cluster).place, to: anyone(cluster).place)
        case .split: cluster.network.split(cluster.members.map(\.place).filter { _ in chance.happens(500) })
        case .heal: cluster.network.heal()
        case .slowDisk: anyone(cluster).slowUntil = cluster.now + chance.between(100_000, 3_000_000)
        case .diskFailure:
            let disk = anyone(cluster).disk
            let errno = chance.pick([ENOSPC, EIO])
            disk.arm(.error(step: disk.steps + chance.below(6), errno: errno))
        case .crashWhileStarting:
            let member = anyone(cluster)
            down(member, .powerless, cluster)
            member.disk.arm(.crash(step: member.disk.steps + chance.below(12)))
        case .transferLeadership:
            let target = anyone(cluster).id
            let member = anyone(cluster)
            if let running = member.running { member.handle(.transferLeadership(to: target), in: running) }
        case .breakConnections: cluster.connectionsBreak(to: anyone(cluster))
        case .demandSnapshot:
            let member = anyone(cluster)
            if let running = member.running { member.handle(.snapshotDemanded, in: running) }
        case .reportUnreachable:
            let other = anyone(cluster).id
            let member = anyone(cluster)
            if let running = member.running { member.handle(.unreachable(other), in: running) }
        }
    }

    private mutating func anyone(_ cluster: Cluster) -> Member {
        let usable = cluster.members.filter { !$0.isRetired }
        // The leader is where it hurts.
        if chance.happens(400), let leader = usable.last(where: { $0.running?.leads == true }) {
            return leader
        }
        return chance.pick(usable)
    }

    private mutating func down(_ member: Member, _ death: Member.Death, _ cluster: Cluster) {
        guard member.running != nil else { return }
        member.die(death)
        cluster.startLater(member)
    }
}
