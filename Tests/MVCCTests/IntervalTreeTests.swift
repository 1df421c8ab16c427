@testable import MVCC
import Testing

@Suite struct IntervalTreeTests {
    @Test func `finds what a list finds, whatever was inserted and removed`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed: seed)
        var tree = IntervalTree()
        var list: [(member: Int, start: [UInt8], end: IntervalTree.End)] = []
        for step in 0..<4000 {
            switch random.below(4) {
            case 0, 1:
                let start = [UInt8(random.below(30)), UInt8(random.below(3))]
                let end: IntervalTree.End = random.chance(5) ? .infinity : .key([UInt8(random.below(30))])
                tree.insert(step, start: start, end: end)
                list.append((step, start, end))
            case 2 where !list.isEmpty:
                let gone = list.remove(at: random.below(list.count))
                tree.remove(gone.member, start: gone.start, end: gone.end)
            default:
                let key = [UInt8(random.below(31)), UInt8(random.below(4))]
                var found: [Int] = []
                tree.find(key, into: &found)
                let expected = list.filter { interval in
                    !key.lexicographicallyPrecedes(interval.start)
                        && (interval.end == .infinity || isBelow(key, interval.end))
                }
                #expect(found.sorted() == expected.map(\.member).sorted(), "seed \(seed), step \(step)")
            }
        }
        for interval in list { tree.remove(interval.member, start: interval.start, end: interval.end) }
        #expect(tree.count == 0)
    }

    private func isBelow(_ key: [UInt8], _ end: IntervalTree.End) -> Bool {
        if case .key(let end) = end { key.lexicographicallyPrecedes(end) } else { true }
    }
}
