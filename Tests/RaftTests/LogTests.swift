import Testing

@testable import Raft

@Suite struct LogTests {
    /// A log after `compacted` (index 0 unless said) with entries of these terms.
    private func log(_ terms: [UInt64], after index: UInt64 = 0, term: UInt64 = 0) -> Log {
        let compacted = EntryID(term: Term(term), index: LogIndex(index))
        let entries = terms.enumerated().map { offset, term in
            Entry(id: EntryID(term: Term(term), index: LogIndex(index + UInt64(offset) + 1)), data: [])
        }
        return Log(
            compacted: compacted, entries: entries, committed: LogIndex(index), applied: LogIndex(index))
    }

    @Test func `terms are known from the compacted position to the last`() {
        let log = log([4, 5], after: 3, term: 2)
        #expect((2...6).map { log.term(at: LogIndex($0))?.rawValue } == [nil, 2, 4, 5, nil])
        #expect(log.last == LogIndex(5))
        #expect(log.first == LogIndex(4))
    }

    @Test(arguments: [
        // (terms, asked index, asked term, where the logs may meet)
        ([1, 1, 1, 2, 2, 2, 3, 3] as [UInt64], 8 as UInt64, 1 as UInt64, 3 as UInt64),
        ([1, 1, 1, 2, 2, 2, 3, 3], 8, 2, 6), ([1, 1, 1, 2, 2, 2, 3, 3], 5, 9, 5), ([1, 1], 7, 4, 2),
        ([5, 5], 2, 3, 0), ([], 4, 4, 0),
    ])
    func `a conflict is looked for at the last entry of an earlier term`(
        terms: [UInt64], index: UInt64, term: UInt64, meeting: UInt64
    ) {
        let asked = EntryID(term: Term(term), index: LogIndex(index))
        #expect(log(terms).conflict(at: asked)?.index == LogIndex(meeting))
    }

    @Test func `a conflict below the compacted position is not found`() {
        let log = log([6, 6], after: 3, term: 5)
        #expect(log.conflict(at: EntryID(term: Term(4), index: LogIndex(5))) == nil)
    }

    @Test func `entries for a message stop at its size but for the first`() {
        var log = log([])
        for index in 1...5 as ClosedRange<UInt64> {
            log.append(
                Entry(
                    id: EntryID(term: Term(1), index: LogIndex(index)), data: [UInt8](repeating: 0, count: 68)
                ))
        }
        #expect(log.entries(from: LogIndex(1), bytesMax: 300).map(\.index.rawValue) == [1, 2, 3])
        #expect(log.entries(from: LogIndex(4), bytesMax: 10).map(\.index.rawValue) == [4])
        #expect(log.entries(from: LogIndex(6), bytesMax: 300).isEmpty)
    }

    @Test func `truncation takes back what was written and persisted`() {
        var log = log([1, 1, 1, 1])
        log.commit(through: LogIndex(1))
        log.truncate(after: LogIndex(2))
        #expect(log.last == LogIndex(2))
        #expect(log.persisted == LogIndex(2))
        #expect(log.written == LogIndex(2))
    }

    @Test func `compaction at every position keeps the rest`() {
        for position in 0...12 as ClosedRange<UInt64> {
            var log = log([1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5])
            log.commit(through: LogIndex(12))
            log.markEmitted(through: LogIndex(12))
            log.markApplied(through: LogIndex(12))
            for step in 0...position { log.compact(through: LogIndex(step)) }
            #expect(log.first == LogIndex(position + 1))
            #expect(log.last == LogIndex(12))
            #expect(log.count == Int(12 - position))
            log.append(Entry(id: EntryID(term: Term(5), index: LogIndex(13)), data: [7]))
            log.checkInvariants(isRestoring: false)
            #expect(log.entry(at: LogIndex(13)).data == [7])
        }
    }

    @Test func `compaction of a long log moves few entries`() {
        var log = log([])
        let count: UInt64 = 100_000
        for index in 1...count {
            log.append(Entry(id: EntryID(term: Term(1), index: LogIndex(index)), data: []))
            log.markWritten()
            log.markPersisted(through: LogIndex(index))
            log.commit(through: LogIndex(index))
            log.markEmitted(through: LogIndex(index))
            log.markApplied(through: LogIndex(index))
            if index > 500 { log.compact(through: LogIndex(index - 500)) }
        }
        #expect(log.count == 500)
        #expect(log.slotCount <= 1001)
    }

    @Test func `what is handed out ends at a configuration change and at the room there is`() {
        var log = log([1, 1, 1, 1])
        log.append(
            Entry(id: EntryID(term: Term(1), index: LogIndex(5)), kind: .configurationChange, data: []))
        log.append(Entry(id: EntryID(term: Term(1), index: LogIndex(6)), data: []))
        let all = log.emittable(through: LogIndex(6), bytesMax: 10_000, atLeastOne: true)
        #expect(all == (LogIndex(5), 160, true))
        let two = log.emittable(through: LogIndex(6), bytesMax: 70, atLeastOne: true)
        #expect(two == (LogIndex(2), 64, false))
        let one = log.emittable(through: LogIndex(6), bytesMax: 10, atLeastOne: true)
        #expect(one == (LogIndex(1), 32, false))
        let none = log.emittable(through: LogIndex(6), bytesMax: 10, atLeastOne: false)
        #expect(none == (LogIndex(0), 0, false))
    }

    @Test func `an uncommitted entry may be replaced, a committed one stops the process`() async {
        await #expect(processExitsWith: .failure) {
            let entries = [Entry(id: EntryID(term: Term(1), index: LogIndex(1)), data: [])]
            var log = Log(compacted: .zero, entries: entries, committed: LogIndex(1), applied: LogIndex(0))
            log.truncate(after: LogIndex(0))
        }
    }
}
