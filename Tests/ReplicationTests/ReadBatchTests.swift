import Raft
import Testing

@testable import Replication

/// Spec raft.md 4: readers share rounds, rounds are asked for again.
@Suite struct ReadBatchTests {
    @Test func `readers that come while a round is out form the next`() throws {
        var pair = try Pair()
        pair.follow()
        pair.handle(.readIndex(token: 1))
        pair.handle(.readIndex(token: 2))
        pair.handle(.readIndex(token: 3))
        let first = pair.takeReadContexts()
        #expect(first.count == 1)
        pair.hear(.readIndexResponse(LogIndex(4), context: first[0]), term: 1)
        #expect(pair.effects.readable == [ReadState(token: 1, index: LogIndex(4))])
        let second = pair.takeReadContexts()
        #expect(second.count == 1)
        #expect(second != first)
        pair.hear(.readIndexResponse(LogIndex(5), context: second[0]), term: 1)
        #expect(pair.effects.readable.map(\.token) == [1, 2, 3])
        #expect(pair.effects.readable.map(\.index.rawValue) == [4, 5, 5])
    }

    @Test func `an unanswered round is asked for again, and any of its answers will do`() throws {
        var pair = try Pair()
        pair.follow()
        pair.handle(.readIndex(token: 1))
        let first = pair.takeReadContexts()
        for _ in 0..<5 { pair.handle(.tick) }
        let second = pair.takeReadContexts()
        #expect(second.count == 1)
        pair.hear(.readIndexResponse(LogIndex(4), context: first[0]), term: 1)
        #expect(pair.effects.readable == [ReadState(token: 1, index: LogIndex(4))])
        pair.hear(.readIndexResponse(LogIndex(6), context: second[0]), term: 1)
        #expect(pair.effects.readable.count == 1)
    }

    @Test func `an answer to an earlier batch does not serve a later one`() throws {
        var pair = try Pair()
        pair.follow()
        pair.handle(.readIndex(token: 1))
        let first = pair.takeReadContexts()
        pair.hear(.readIndexResponse(LogIndex(4), context: first[0]), term: 1)
        pair.handle(.readIndex(token: 2))
        pair.hear(.readIndexResponse(LogIndex(4), context: first[0]), term: 1)
        #expect(pair.effects.readable.map(\.token) == [1])
    }

    @Test func `a new leader is asked at once`() throws {
        var pair = try Pair()
        pair.follow()
        pair.handle(.readIndex(token: 1))
        _ = pair.takeReadContexts()
        pair.hear(.vote(last: EntryID(term: Term(1), index: LogIndex(9)), isTransfer: true), term: 2)
        #expect(pair.takeReadContexts().isEmpty)
        pair.hear(.heartbeat(commit: LogIndex(0), context: []), term: 2)
        #expect(pair.takeReadContexts().count == 1)
    }

    @Test func `a leader that steps down asks its successor for its readers`() throws {
        var pair = try Pair()
        pair.lead()
        pair.handle(.readIndex(token: 1))
        pair.effects.removeAll()
        pair.hear(.heartbeat(commit: LogIndex(1), context: []), term: 2)
        #expect(pair.effects.droppedReads.isEmpty)
        #expect(pair.takeReadContexts().count == 1)
    }

    @Test func `readers wait for a leader, and not for ever`() throws {
        var limits = Replica.Limits()
        limits.readTicksMax = 8
        var pair = try Pair(limits: limits)
        pair.handle(.readIndex(token: 1))
        for _ in 0..<7 { pair.handle(.tick) }
        #expect(pair.effects.droppedReads.isEmpty)
        pair.handle(.tick)
        #expect(pair.effects.droppedReads == [1])
    }

    @Test func `more than so many readers are dropped`() throws {
        var limits = Replica.Limits()
        limits.readersMax = 2
        var pair = try Pair(limits: limits)
        for token in 1...3 as ClosedRange<UInt64> { pair.handle(.readIndex(token: token)) }
        #expect(pair.effects.droppedReads == [3])
    }

    @Test func `ids of rounds differ between boots`() throws {
        var first = ReadBatches(seed: 1, limits: Replica.Limits())
        var second = ReadBatches(seed: 2, limits: Replica.Limits())
        var refused: [UInt64] = []
        first.ask(1, refused: &refused)
        second.ask(1, refused: &refused)
        let leader = ReadBatches.Leadership(leader: Pair.other, term: Term(1))
        #expect(first.nextRound(leader: leader, at: 0) != second.nextRound(leader: leader, at: 0))
    }
}
