import Net
import Peers
import Raft
import Replication
import Services

/// Shortens the wait for an election where waiting teaches nothing more: all but two ticks of the election
/// timeout count as passed, so that a leader that lives still speaks first.
///
/// 1. Once, for a member that starts beside live ones (--initial-election-tick-advance): as soon as two of
///    them are heard (spec/raft.md 2).
/// 2. Beyond etcd: when the leader's last stream breaks, as it does at once when its process dies. Should
///    only the connection be lost, the leader's next heartbeat takes the haste back; should it come late,
///    the others, who hear the leader, refuse the pre-vote.
struct ElectionHaste {
    private let member: Member
    private let links: PeerLinks
    /// Nil when a start is over, or nothing is to be done for it.
    private var startEnds: MonotonicTime?
    /// The leader, while it is heard.
    private var heard: MemberID?

    private static let startTime: Duration = .seconds(5)
    private static let heardMin = 2
    private static let ticksLeft = 2

    init(member: Member, links: PeerLinks, now: MonotonicTime) {
        self.member = member
        self.links = links
        startEnds = member.configuration.consensus.initialElectionTickAdvance ? now + Self.startTime : nil
    }

    /// Called at the end of every pass and at every tick.
    mutating func look(at now: MonotonicTime) {
        if let ends = startEnds {
            if now >= ends { startEnds = nil }
            if links.activeMembers.count >= Self.heardMin {
                startEnds = nil
                hasten()
            }
        }
        let leader = member.status.engineStatus.leader
        if let heard, heard == leader, links.activeSince(heard) == nil { hasten() }
        heard = leader.flatMap { links.activeSince($0) == nil ? nil : $0 }
    }

    private func hasten() {
        let ticks = Int(member.configuration.consensus.electionTicks) - Self.ticksLeft
        guard ticks > 0 else { return }
        member.switchboard.deliver(
            .event(.advanceElection(by: UInt64(ticks))), to: member.switchboard.replica)
    }
}
