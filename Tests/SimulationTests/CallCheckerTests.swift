import Raft
import Testing

@testable import Simulation

@Suite struct CallCheckerTests {
    private static let everything = Operation.KeySpan(first: 0, end: 3)

    /// A model after two puts of key 1, at revisions 2 and 3.
    private func model() -> Model {
        var model = Model(keys: 3, minimumTTL: 2)
        _ = model.execute(.put(.init(key: 1, value: [7])))
        _ = model.execute(.put(.init(key: 1, value: [8])))
        return model
    }

    private func found(_ value: UInt8, mod: Int64, version: Int64) -> Answer.Found {
        let pair = Pair(key: 1, create: 2, mod: mod, version: version, value: [value], lease: 0)
        return Answer.Found(pairs: [pair], count: 1, more: false)
    }

    @Test func `a read of the newest state fits`() {
        var checker = CallChecker()
        let answer = Answer.range(revision: 3, found(8, mod: 3, version: 2))
        let query = Operation.Query(span: Self.everything)
        let begun = checker.horizon
        fits(checker.verdict(on: answer, to: query, begunAt: begun, model: model()))
        #expect(checker.horizon.revision == 3)
    }

    @Test func `a read that misses what was answered before it began is stale, unless it may be`() {
        var checker = CallChecker()
        let answer = Answer.range(revision: 2, found(7, mod: 2, version: 1))
        var horizon = CallChecker.Horizon()
        horizon.revision = 3
        var query = Operation.Query(span: Self.everything)
        objects(checker.verdict(on: answer, to: query, begunAt: horizon, model: model()), "is stale")
        query.isSerializable = true
        fits(checker.verdict(on: answer, to: query, begunAt: horizon, model: model()))
    }

    @Test func `a read of a state that never was is found out`() {
        var checker = CallChecker()
        let answer = Answer.range(revision: 3, found(7, mod: 2, version: 1))
        let query = Operation.Query(span: Self.everything)
        let begun = checker.horizon
        objects(checker.verdict(on: answer, to: query, begunAt: begun, model: model()), "finds")
    }

    @Test func `a read at a revision that was compacted before it began must be refused`() {
        var checker = CallChecker()
        var horizon = CallChecker.Horizon()
        horizon.compacted = 3
        var query = Operation.Query(span: Self.everything)
        query.revision = 2
        let answer = Answer.range(revision: 3, found(7, mod: 2, version: 1))
        objects(checker.verdict(on: answer, to: query, begunAt: horizon, model: model()), "compacted")
    }

    @Test func `an answered write must be in the log, with the answer the model gives, in real time's order`()
    {
        let operation = Operation.put(.init(key: 1, value: [7]))
        var proposal = Referee.Proposal(operation: operation)
        let answer = Answer.put(revision: 2, previous: nil)
        var checker = CallChecker()
        let begun = checker.horizon
        objects(checker.verdict(on: answer, to: proposal, begunAt: begun), "not in the log")
        proposal.decided = (LogIndex(5), .put(revision: 3, previous: nil))
        objects(checker.verdict(on: answer, to: proposal, begunAt: begun), "instead of")
        proposal.decided = (LogIndex(5), answer)
        fits(checker.verdict(on: answer, to: proposal, begunAt: begun))
        #expect(checker.horizon.index == LogIndex(5))
        // Another call that began after that answer cannot stand before it.
        let later = checker.horizon
        proposal.decided = (LogIndex(4), answer)
        objects(checker.verdict(on: answer, to: proposal, begunAt: later), "before a write")
    }
}
