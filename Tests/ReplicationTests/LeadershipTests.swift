import Raft
import Testing

@testable import Replication

@Suite struct LeadershipTests {
    private let revoke = ProposedEntry(tag: 9, data: [1])

    @Test func `what only the leader of a term may decide is appended while it leads`() throws {
        var pair = try Pair()
        pair.lead()
        pair.handle(.proposeWhileLeading(Term(1), [revoke]))
        #expect(pair.effects.refused.isEmpty)
        #expect(pair.replica.status.last == LogIndex(2))
    }

    @Test func `what a former leader decided is refused, and not handed on to the new one`() throws {
        var pair = try Pair()
        pair.lead()
        pair.hear(.heartbeat(commit: LogIndex(0), context: []), term: 2)
        pair.effects.removeAll()
        pair.handle(.proposeWhileLeading(Term(1), [revoke]))
        #expect(pair.effects.refused == [Refusal(tag: 9, reason: .dropped(.noLeader))])
        #expect(pair.effects.node.messages.isEmpty)
    }

    @Test func `what it decided in an earlier term of its own is refused too`() throws {
        var pair = try Pair()
        pair.lead()
        pair.handle(.proposeWhileLeading(Term(0), [revoke]))
        #expect(pair.effects.refused == [Refusal(tag: 9, reason: .dropped(.noLeader))])
        #expect(pair.replica.status.last == LogIndex(1))
    }
}
