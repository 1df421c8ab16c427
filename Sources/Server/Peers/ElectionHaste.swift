import Net
import Peers
import Raft
import Replication

/// Shortens the first election of a member that starts beside live ones (--initial-election-tick-advance):
/// once two of them are heard, all but two ticks of the election timeout count as passed, so that a leader
/// speaks first if there is one, and an election follows soon if there is none (spec/raft.md 2).
struct ElectionHaste {
    private let member: Member
    private let links: PeerLinks
    /// Nil when there is nothing (more) to do.
    private var deadline: MonotonicTime?

    private static let time: Duration = .seconds(5)
    private static let heardMin = 2
    private static let ticksLeft = 2

    init(member: Member, links: PeerLinks, now: MonotonicTime) {
        self.member = member
        self.links = links
        deadline = member.configuration.consensus.initialElectionTickAdvance ? now + Self.time : nil
    }

    mutating func look(at now: MonotonicTime) {
        guard let deadline else { return }
        if now >= deadline { self.deadline = nil }
        guard links.activeMembers.count >= Self.heardMin else { return }
        self.deadline = nil
        let ticks = Int(member.configuration.consensus.electionTicks) - Self.ticksLeft
        guard ticks > 0 else { return }
        member.switchboard.deliver(
            .event(.advanceElection(by: UInt64(ticks))), to: member.switchboard.replica)
    }
}
