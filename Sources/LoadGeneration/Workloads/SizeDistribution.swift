import Raft

/// How large keys or values are: `256`, `uniform:10-1000`, `exponential:300` (mean), `list:100x9,4000x1`
/// (sizes with their weights).
package enum SizeDistribution: Equatable, Sendable {
    case fixed(Int)
    case uniform(ClosedRange<Int>)
    case exponential(mean: Int)
    /// Sizes, and the sum of the weights up to and with each.
    case list([Int], cumulated: [UInt64])

    /// The most that may be given: more than a server takes by default, so that its refusal can be measured.
    package static let sizeMax = 64 << 20
    /// An exponential size is cut here: above it etcd refuses the request anyway.
    private static let cut = 1 << 20

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        if parts.count == 1 {
            guard let size = Self.size(parts[0]) else { return nil }
            self = .fixed(size)
            return
        }
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "uniform":
            let ends = parts[1].split(separator: "-").map { Self.size($0) }
            guard ends.count == 2, let low = ends[0], let high = ends[1], low <= high else { return nil }
            self = .uniform(low...high)
        case "exponential":
            guard let mean = Self.size(parts[1]), mean > 0, mean <= Self.cut else { return nil }
            self = .exponential(mean: mean)
        case "list":
            guard let list = Self.list(parts[1]) else { return nil }
            self = list
        default: return nil
        }
    }

    private static func size(_ text: Substring) -> Int? {
        guard let size = Int(text), size >= 0, size <= sizeMax else { return nil }
        return size
    }

    private static func list(_ text: Substring) -> SizeDistribution? {
        var (sizes, cumulated, sum): ([Int], [UInt64], UInt64) = ([], [], 0)
        for entry in text.split(separator: ",") {
            let pair = entry.split(separator: "x")
            guard pair.count == 2, let size = size(pair[0]), let weight = UInt32(pair[1]), weight > 0 else {
                return nil
            }
            sum += UInt64(weight)
            sizes.append(size)
            cumulated.append(sum)
        }
        return sizes.isEmpty ? nil : .list(sizes, cumulated: cumulated)
    }

    /// The next size.
    func draw(_ chance: inout SeededGenerator) -> Int {
        switch self {
        case .fixed(let size): return size
        case .uniform(let range):
            return range.lowerBound + Int(chance.below(UInt64(range.count)))
        case .exponential(let mean):
            let share = Double(chance.next() >> 11) / Double(1 << 53)  // 0 ..< 1
            return min(Int(-Double(mean) * Self.logarithm(1 - share)), Self.cut)
        case .list(let sizes, let cumulated):
            let point = chance.below(cumulated[cumulated.count - 1])
            return sizes[cumulated.firstIndex { point < $0 } ?? 0]
        }
    }

    /// The largest there can be.
    var largest: Int {
        switch self {
        case .fixed(let size): size
        case .uniform(let range): range.upperBound
        case .exponential: Self.cut
        case .list(let sizes, _): sizes.max() ?? 0
        }
    }

    /// ln(x) of 0 < x <= 1: the exponent, and the series of artanh for the significand.
    private static func logarithm(_ x: Double) -> Double {
        let z = (x.significand - 1) / (x.significand + 1)  // significand in 1 ..< 2, z below 1/3
        var (term, sum) = (z, 0.0)
        for odd in stride(from: 1.0, through: 31, by: 2) {
            sum += term / odd
            term *= z * z
        }
        return 2 * sum + Double(x.exponent) * 0.693_147_180_559_945_3
    }
}
