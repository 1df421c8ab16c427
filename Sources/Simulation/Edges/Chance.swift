import Raft

/// Chance from a seed. Each part of a run forks a generator of its own, so that what one part draws does
/// not shift what another part sees.
struct Chance: RandomNumberGenerator {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    mutating func fork() -> Chance { Chance(seed: next()) }

    /// A number in `0..<bound`; `bound` is positive.
    mutating func below(_ bound: Int) -> Int { Int(generator.below(UInt64(bound))) }

    mutating func between(_ low: UInt64, _ high: UInt64) -> UInt64 { low + generator.below(high - low + 1) }

    /// True in `permille` of 1000 cases.
    mutating func happens(_ permille: Int) -> Bool {
        permille > 0 && generator.below(1000) < UInt64(permille)
    }

    /// One of a list that is not empty.
    mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

    /// A small number often, a large one rarely, within `low...high`: as delays are.
    mutating func skewed(_ low: UInt64, _ high: UInt64) -> UInt64 {
        let width = between(low, high)
        return between(low, max(low, width))
    }
}
