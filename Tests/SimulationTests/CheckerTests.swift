import Raft
import Testing

@testable import Simulation

@Suite struct CheckerTests {
    private func entry(_ index: UInt64, term: UInt64 = 1) -> Entry {
        Entry(id: EntryID(term: Term(term), index: LogIndex(index)), data: [])
    }

    private func referee() -> Referee {
        Referee(keys: 3, minimumTTL: 2, leases: LeaseChecker(skewPermille: 0, electionTimeout: 1_000_000))
    }

    @Test func `two members that commit different entries at one index are found out`() {
        let referee = referee()
        referee.committed(entry(1), by: MemberID(1))
        referee.committed(entry(1), by: MemberID(2))
        #expect(referee.violation == nil)
        referee.committed(entry(1, term: 2), by: MemberID(3))
        #expect(referee.violation?.hasPrefix("index 1") == true)
    }

    @Test func `two leaders of one term are found out`() {
        let referee = referee()
        referee.leads(MemberID(1), in: Term(4))
        referee.leads(MemberID(1), in: Term(4))
        #expect(referee.violation == nil)
        referee.leads(MemberID(2), in: Term(4))
        #expect(referee.violation?.contains("lead term 4") == true)
    }

    @Test func `a request that was refused and stands in the log all the same is found out`() {
        let referee = referee()
        let operation = Operation.put(.init(key: 0, value: [1]))
        referee.proposed(77, operation, call: nil)
        referee.dropped(77)
        referee.committed(
            Entry(id: EntryID(term: Term(1), index: LogIndex(1)), data: operation.entry(id: 77)),
            by: MemberID(1))
        #expect(referee.violation?.contains("was refused") == true)
    }

    @Test func `a request that stands in the log twice is found out`() {
        let referee = referee()
        let operation = Operation.put(.init(key: 0, value: [1]))
        referee.proposed(77, operation, call: nil)
        for index: UInt64 in 1...2 {
            let id = EntryID(term: Term(1), index: LogIndex(index))
            referee.committed(Entry(id: id, data: operation.entry(id: 77)), by: MemberID(1))
        }
        #expect(referee.violation?.contains("and again at 2") == true)
    }

    @Test func `a lease may end by itself when the time its holder was given is over, not before`() {
        var checker = LeaseChecker(skewPermille: 0, electionTimeout: 1_000_000)
        checker.given(5, ttl: 10, asked: Moment(1_000_000))
        // Two election timeouts are the window of a leader that does not know of the next one.
        #expect(checker.verdict(onExpiryOf: 5, at: Moment(8_999_999)) != nil)
        #expect(checker.verdict(onExpiryOf: 5, at: Moment(9_000_000)) == nil)
        checker.given(5, ttl: 10, asked: Moment(5_000_000))
        #expect(checker.verdict(onExpiryOf: 5, at: Moment(9_000_000)) != nil)
    }

    // Watching key 0 and 1 of three, over a put of each key and a deletion of key 1.

    private func changed() -> Model {
        var model = Model(keys: 3, minimumTTL: 2)
        for key in 0..<3 { _ = model.execute(.put(.init(key: key, value: [UInt8(key)]))) }
        _ = model.execute(.delete(.init(first: 1), wantsPrevious: false))
        return model
    }

    private func seen(_ key: Int, at mod: Int64, isDeletion: Bool = false) -> WatchChecker.Seen {
        let pair = Pair(
            key: key, create: isDeletion ? 0 : mod, mod: mod, version: isDeletion ? 0 : 1,
            value: isDeletion ? [] : [UInt8(key)], lease: 0)
        return WatchChecker.Seen(isDeletion: isDeletion, pair: pair)
    }

    @Test func `a watcher sees the changes of its keys in order, and then it is complete`() {
        let model = changed()
        var checker = WatchChecker(span: .init(first: 0, end: 2), first: 1)
        fits(checker.verdict(on: [seen(0, at: 2), seen(1, at: 3)], model: model))
        checker.endDelivery()
        var isComplete = checker.isComplete(in: model)
        #expect(!isComplete)
        fits(checker.verdict(on: [seen(1, at: 5, isDeletion: true)], model: model))
        checker.endDelivery()
        isComplete = checker.isComplete(in: model)
        #expect(isComplete)
    }

    @Test func `a watcher that misses a change, sees one twice, or another's is found out`() {
        let model = changed()
        let span = Operation.KeySpan(first: 0, end: 2)
        for wrong in [
            [seen(1, at: 3)], [seen(0, at: 2), seen(0, at: 2)], [seen(0, at: 2), seen(2, at: 4)],
            [seen(0, at: 2), seen(1, at: 3, isDeletion: true)],
        ] {
            var checker = WatchChecker(span: span, first: 1)
            objects(checker.verdict(on: wrong, model: model))
        }
    }

    @Test func `a watcher is cancelled by a compaction only when it wants what is compacted`() {
        var model = changed()
        _ = model.execute(.compact(revision: 4))
        var behind = WatchChecker(span: .init(first: 0, end: 2), first: 1)
        fits(behind.compacted(at: 4, model: model))
        #expect(behind.next == 5)
        objects(behind.compacted(at: 4, model: model))
        var early = WatchChecker(span: .init(first: 0, end: 2), first: 1)
        objects(early.compacted(at: 5, model: model))
    }
}
