import Synchronization

/// Observations counted in buckets, with their sum. Any thread may observe: two atomic additions.
///
/// A reader may see a sum that is one observation ahead of the buckets; Prometheus tolerates that.
package final class Histogram: Sendable {
    /// Upper bounds, rising; the bucket above the last one is implied.
    package let bounds: [Double]
    /// As the text format shows them; formatted once.
    let boundTexts: [String]
    /// One more than bounds; `counts[i]` holds what is above `bounds[i - 1]` and not above `bounds[i]`.
    private let counts: [Counter]
    /// The bit pattern of a Double.
    private let sumBits = Atomic<UInt64>(0)

    package init(_ buckets: Buckets) {
        bounds = buckets.bounds
        boundTexts = bounds.map(MetricsText.number)
        counts = (0...bounds.count).map { _ in Counter() }
    }

    /// `start`, `start * factor`, … as the metrics of etcd are described.
    package struct Buckets: Sendable {
        package let bounds: [Double]

        package static func exponential(_ start: Double, _ factor: Double, _ count: Int) -> Buckets {
            precondition(start > 0 && factor > 1 && count > 0)
            var bounds: [Double] = []
            var bound = start
            for _ in 0..<count {
                bounds.append(bound)
                bound *= factor
            }
            return Buckets(bounds: bounds)
        }

        package static func exactly(_ bounds: [Double]) -> Buckets { Buckets(bounds: bounds) }
    }

    package func observe(_ value: Double) { observe(value, count: 1) }

    /// Counts `count` observations of the same value: the members of a batch by their mean.
    package func observe(_ value: Double, count: Int) {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        counts[low].add(count)
        var old = sumBits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + value * Double(count)).bitPattern
            let (isDone, seen) = sumBits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if isDone { return }
            old = seen
        }
    }

    /// In seconds.
    package func observe(_ duration: Duration) { observe(duration.inSeconds) }

    /// In seconds.
    package func observe(nanoseconds: UInt64) { observe(Double(nanoseconds) * 1e-9) }

    /// What `/metrics` shows: for each bound how many observations are not above it, all, and the sum.
    package var snapshot: (cumulative: [UInt64], count: UInt64, sum: Double) {
        var total: UInt64 = 0
        let running = counts.map { counter in
            total += counter.value
            return total
        }
        return (Array(running.dropLast()), total, Double(bitPattern: sumBits.load(ordering: .relaxed)))
    }
}

extension Duration {
    /// With fractions, as metrics want it.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
