import Testing

@testable import Store

@Suite struct KeyIntervalsTests {
    /// Keys that begin or end some interval below, so that every stretch between two ends begins at one.
    private static let keys = ["a", "ab", "b"].map { Array($0.utf8) }
    private static let ends: [[UInt8]] = [[], [0]] + keys
    private static let probes = keys + keys.map { $0 + [0] }

    private static var intervals: [KeyInterval] {
        keys.flatMap { key in ends.map { KeyInterval(key: key, rangeEnd: $0) } }
    }

    private func holds(_ interval: KeyInterval, _ key: [UInt8]) -> Bool {
        let isFrom = !key.lexicographicallyPrecedes(interval.start)
        guard let end = interval.end else { return isFrom }
        return isFrom && key.lexicographicallyPrecedes(end)
    }

    @Test func `a range is contained exactly when each of its keys is in one of three intervals`() {
        let all = Self.intervals
        for a in all {
            for b in all {
                for c in all {
                    let merged = KeyIntervals(merging: [a, b, c])
                    for wanted in all {
                        let probes =
                            wanted.isEmpty ? [wanted.start] : Self.probes.filter { holds(wanted, $0) }
                        let isOpenCovered = wanted.end != nil || [a, b, c].contains { $0.end == nil }
                        let expected =
                            isOpenCovered
                            && probes.allSatisfy { key in [a, b, c].contains { holds($0, key) } }
                        let found = merged.contain(wanted)
                        if found != expected { Issue.record("\(a) \(b) \(c): \(wanted) is \(found)") }
                    }
                }
            }
        }
    }

    @Test func `merged intervals are ascending and apart`() {
        let all = Self.intervals
        for a in all {
            for b in all {
                let merged = KeyIntervals(merging: [b, a]).intervals
                #expect(merged == KeyIntervals(merging: [a, b]).intervals)
                for (first, second) in zip(merged, merged.dropFirst()) {
                    let isApart = first.end.map { $0.lexicographicallyPrecedes(second.start) } ?? false
                    if !isApart { Issue.record("\(a) \(b): \(merged)") }
                }
                #expect(merged.allSatisfy { !$0.isEmpty })
            }
        }
    }

    @Test func `a key stands for itself, a zero byte as end for all that follow`() {
        let key = KeyIntervals(merging: [KeyInterval(key: bytes("k"), rangeEnd: [])])
        #expect(key.contain(KeyInterval(key: bytes("k"), rangeEnd: [])))
        #expect(!key.contain(KeyInterval(key: bytes("k\0"), rangeEnd: [])))
        #expect(!key.contain(KeyInterval(key: bytes("j"), rangeEnd: [])))
        let open = KeyIntervals(merging: [KeyInterval(key: bytes("k"), rangeEnd: [0])])
        #expect(open.contain(KeyInterval(key: [0xff, 0xff], rangeEnd: [])))
        #expect(open.contain(KeyInterval(key: bytes("k"), rangeEnd: [0])))
        #expect(!open.contain(KeyInterval(key: [0], rangeEnd: [0])))
        #expect(!KeyIntervals(merging: []).contain(KeyInterval(key: bytes("k"), rangeEnd: [])))
    }
}
