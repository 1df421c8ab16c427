import Raft
import Testing

@testable import Replication

/// Spec raft.md 9: what becomes of proposals that cannot enter the log now.
@Suite struct BackpressureTests {
    @Test func `proposals are refused while apply lags too far behind commit`() throws {
        var limits = Replica.Limits()
        limits.applyGapMax = 10
        var sole = try SoleReplica.elected(limits: limits)
        sole.propose(1...11)
        _ = sole.persist()
        sole.propose(100...102)
        #expect(sole.refused == (100...102).map { Refusal(tag: $0, reason: .tooManyRequests) })
        _ = sole.apply()
        sole.propose(200...200)
        _ = sole.persist()
        #expect(sole.refused.count == 3)
        #expect(sole.toApply.map(\.data) == [[200]])
    }

    @Test func `proposals wait for a leader and go in in their order`() throws {
        var sole = try SoleReplica()
        sole.run(.tick)
        sole.propose(1...2)
        sole.propose(3...3)
        #expect(sole.refused.isEmpty)
        sole.run(.tick)
        #expect(sole.applied.suffix(3).map(\.data) == [[1], [2], [3]])
    }

    @Test func `proposals that wait too long for a leader are refused as dropped`() throws {
        var limits = Replica.Limits()
        limits.backlogTicksMax = 5
        var pair = try Pair(limits: limits)
        pair.handle(.propose([ProposedEntry(tag: 8, data: [])]))
        for _ in 0..<4 { pair.handle(.tick) }
        #expect(pair.effects.refused.isEmpty)
        pair.handle(.tick)
        #expect(pair.effects.refused == [Refusal(tag: 8, reason: .dropped(.noLeader))])
    }

    @Test func `more than so many do not wait`() throws {
        var limits = Replica.Limits()
        limits.backlogMax = 2
        var pair = try Pair(limits: limits)
        pair.handle(.propose([ProposedEntry(tag: 1, data: []), ProposedEntry(tag: 2, data: [])]))
        pair.handle(.propose([ProposedEntry(tag: 3, data: [])]))
        #expect(pair.effects.refused == [Refusal(tag: 3, reason: .tooManyRequests)])
    }

    @Test func `a proposal waits while leadership is handed over, and goes to the new leader`() throws {
        var pair = try Pair()
        pair.lead()
        pair.handle(.transferLeadership(to: Pair.other))
        let last = pair.replica.status.last
        pair.handle(.propose([ProposedEntry(tag: 4, data: [4])]))
        #expect(pair.effects.refused.isEmpty)
        #expect(pair.replica.status.last == last)
        pair.effects.removeAll()
        pair.hear(.heartbeat(commit: LogIndex(0), context: []), term: 2)
        let proposals = pair.effects.node.messages.filter { $0.payload == .proposal([[4]]) }
        #expect(proposals.map(\.to) == [Pair.other])
    }

    @Test func `what another member proposes to a former leader goes on to the next one`() throws {
        let third = MemberID(3)
        var trio = try Pair(others: [Pair.other, third])
        trio.lead()
        trio.handle(.transferLeadership(to: Pair.other))
        trio.hear(.proposal([[5]]), from: third, term: 0)
        trio.hear(.heartbeat(commit: LogIndex(0), context: []), term: 2)
        trio.hear(.proposal([[6]]), from: third, term: 0)
        let sent = trio.effects.node.messages.filter { $0.to == Pair.other && $0.term == Term(0) }
        #expect(sent.map(\.payload) == [.proposal([[5]]), .proposal([[6]])])
        #expect(trio.effects.refused.isEmpty)
    }

    @Test func `a proposal that waited for a transfer in vain is taken by the old leader`() throws {
        var pair = try Pair()
        pair.lead()
        pair.handle(.transferLeadership(to: Pair.other))
        let last = pair.replica.status.last
        pair.handle(.propose([ProposedEntry(tag: 4, data: [4])]))
        for _ in 0..<20 {
            pair.handle(.tick)
            pair.hear(.heartbeatResponse(context: []), term: 1)
        }
        #expect(pair.effects.refused.isEmpty)
        #expect(pair.replica.status.last == last + 1)
    }

    @Test func `a follower hands its proposals to the leader`() throws {
        var pair = try Pair()
        pair.follow()
        pair.handle(.propose([ProposedEntry(tag: 1, data: [5]), ProposedEntry(tag: 2, data: [6])]))
        #expect(pair.effects.node.messages.map(\.payload) == [.proposal([[5], [6]])])
        #expect(pair.effects.refused.isEmpty)
    }

    @Test func `a second configuration change is refused until the first is decided`() throws {
        var sole = try SoleReplica.elected()
        func change(_ tag: UInt64) -> Replica.Event {
            let change = ConfigurationChange(.addLearnerNode, MemberID(9))
            return .proposeConfigurationChange(
                tag: tag, ConfigurationProposal(kind: .configurationChange, data: [1], change: change))
        }
        sole.handle(change(1))
        sole.handle(change(2))
        #expect(sole.refused == [Refusal(tag: 2, reason: .dropped(.changePending))])
    }
}
