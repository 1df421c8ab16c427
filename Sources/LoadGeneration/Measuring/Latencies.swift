import Histogram

/// How long operations took: a histogram of nanoseconds with three digits, and exact extremes and moments.
package struct Latencies {
    /// Longer ones are counted as this long.
    private static let longest: UInt64 = 3_600_000_000_000

    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: longest, numberOfSignificantValueDigits: .three)
    package private(set) var count = 0
    /// Nanoseconds, exact; 0 before the first.
    package private(set) var slowest: UInt64 = 0
    package private(set) var fastest: UInt64 = 0
    /// Of nanoseconds.
    private var sum = 0.0
    private var sumOfSquares = 0.0

    package init() {}

    package mutating func record(_ nanoseconds: Int64) {
        let value = UInt64(max(nanoseconds, 0))
        histogram.record(min(value, Self.longest))
        fastest = count == 0 ? value : min(fastest, value)
        slowest = max(slowest, value)
        count += 1
        let number = Double(value)
        sum += number
        sumOfSquares += number * number
    }

    package mutating func removeAll() {
        if count == 0 { return }
        histogram.reset()
        (count, slowest, fastest, sum, sumOfSquares) = (0, 0, 0, 0, 0)
    }

    /// Seconds, as everything below.
    package var average: Double { count == 0 ? 0 : sum / Double(count) / 1e9 }
    package var total: Double { sum / 1e9 }

    /// Of the population.
    package var deviation: Double {
        if count == 0 { return 0 }
        let mean = sum / Double(count)
        return max(0, sumOfSquares / Double(count) - mean * mean).squareRoot() / 1e9
    }

    /// The latency that `percent` of the operations did not exceed (within a thousandth).
    package func percentile(_ percent: Double) -> Double {
        if count == 0 { return 0 }
        let value = histogram.valueAtPercentile(percent)
        return Double(min(max(value, fastest), slowest)) / 1e9
    }

    /// How many fall into each of eleven buckets, whose upper bounds divide fastest to slowest into tenths.
    package var buckets: [(bound: Double, count: Int)] {
        let (low, high) = (Double(fastest) / 1e9, Double(slowest) / 1e9)
        var buckets = (0...10).map { (bound: low + (high - low) * Double($0) / 10, count: 0) }
        if count == 0 { return buckets }
        for step in histogram.recordedValues() {
            // The lower end of what the histogram keeps apart, so that the fastest is in its own bucket.
            let kept = histogram.lowestEquivalentForValue(step.value)
            let value = Double(min(max(kept, fastest), slowest)) / 1e9
            let place = buckets.firstIndex { value <= $0.bound } ?? buckets.count - 1
            buckets[place].count += Int(step.count)
        }
        return buckets
    }
}
