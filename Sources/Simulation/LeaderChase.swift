import Raft

/// Strikes leaders one after the other in the order of figure 8 of the Raft paper, at drawn moments: a
/// leader with entries only it has; its successor as soon as it is elected; the first one again, elected
/// once more, when it first commits; and then the successor's log wins. What was handed out stays.
struct LeaderChase {
    private enum Stage: UInt64 {
        /// Somebody leads and is left alone for a while.
        case peace
        /// The leader is cut off: what is proposed to it nobody else gets.
        case hoarding
        /// That leader is down. The next one is cut off at once, and goes down too.
        case succession
        /// The first one is back. Whoever leads now is cut off when it commits, before it can say so.
        case comeback
        /// That one is down, and the successor is back.
        case reversal
    }

    private let scenario: Scenario
    private var chance: Chance
    private var stage = Stage.peace
    /// Place of the leader struck first, and of its successor.
    private var first: Int?
    private var successor: Int?

    init(_ scenario: Scenario, chance: Chance) {
        self.scenario = scenario
        self.chance = chance
    }

    /// The next stage, where one is over by time alone; a stage nothing came of is over as well.
    mutating func act(on cluster: Cluster) {
        guard cluster.phase == .wild else { return }
        switch stage {
        case .peace:
            first = cluster.members.first { $0.running?.leads == true }?.place
            guard let first else { break }
            cluster.network.isolate(first)
            return enter(.hoarding, for: chance.between(1_000, 400_000), cluster)
        case .hoarding:
            if let first { strike(cluster.members[first], within: 0, cluster) }
            return enter(.succession, for: 10 * scenario.electionTimeout, cluster)
        case .succession, .comeback, .reversal: break
        }
        release(cluster.members, cluster)
        enter(.peace, for: chance.between(scenario.electionTimeout, 4 * scenario.electionTimeout), cluster)
    }

    /// The member has just become leader, and has said nothing yet.
    mutating func elected(_ member: Member, in cluster: Cluster) {
        guard cluster.phase == .wild, stage == .succession, let first else { return }
        successor = member.place
        // Time to write down its first entry, or not.
        strike(member, within: 3 * scenario.syncTime, cluster)
        release([cluster.members[first]], cluster)
        enter(.comeback, for: 10 * scenario.electionTimeout, cluster)
    }

    /// The member, a leader, is about to hand out entries and to send what comes after them.
    mutating func commits(_ member: Member, in cluster: Cluster) {
        guard cluster.phase == .wild, stage == .comeback, let successor, member.place != successor
        else { return }
        strike(member, within: scenario.applyTime, cluster)
        release([cluster.members[successor]], cluster)
        enter(.reversal, for: 6 * scenario.electionTimeout, cluster)
    }

    private mutating func enter(_ next: Stage, for time: UInt64, _ cluster: Cluster) {
        stage = next
        cluster.note("leader chase: \(next)")
        cluster.trace.event(cluster.now, 41, first ?? 0, next.rawValue)
        turn += 1
        cluster.queue.add(.chase(turn: turn), at: cluster.now + time)
    }

    /// Counts the stages, so that the end of one that is over already means nothing.
    private(set) var turn = 0

    /// Cuts a member off at once, and keeps it down from a moment later on.
    private mutating func strike(_ member: Member, within time: UInt64, _ cluster: Cluster) {
        cluster.network.isolate(member.place)
        member.isHeld = true
        if let running = member.running { member.plan(.crash(running.boot), in: chance.between(0, time)) }
    }

    /// Lets members start and be heard, by all but those still kept down.
    private func release(_ members: [Member], _ cluster: Cluster) {
        for member in members where member.isHeld {
            member.isHeld = false
            guard member.running == nil else { continue }
            cluster.queue.add(.start(member: member.place), at: cluster.now + 1_000)
        }
        cluster.network.heal()
        for member in cluster.members where member.isHeld { cluster.network.isolate(member.place) }
    }
}
