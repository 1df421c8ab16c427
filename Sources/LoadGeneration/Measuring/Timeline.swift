/// What happened in each second of a run.
package struct Timeline {
    /// One second; latencies in seconds.
    package struct Second: Sendable {
        /// Of the day's clock (Unix).
        package var unix: Int64
        package var count: Int
        package var fastest: Double
        package var average: Double
        package var slowest: Double
        package var median: Double
        package var p99: Double
    }

    package private(set) var seconds: [Second] = []
    private var open = Latencies()
    private var number: Int64 = 0
    /// What the day's clock showed at 0 of the monotonic one.
    private let unixOffset: Int64

    /// `unixOffset`: nanoseconds between the monotonic clock and the day's.
    package init(unixOffset: Int64) { self.unixOffset = unixOffset }

    /// Counts an operation that ended `at` (nanoseconds, monotonic); ends come in order.
    package mutating func record(_ nanoseconds: Int64, at end: Int64) {
        let second = (end + unixOffset) / 1_000_000_000
        if second != number {
            close()
            number = second
        }
        open.record(nanoseconds)
    }

    /// The last second is over.
    package mutating func close() {
        if open.count == 0 { return }
        seconds.append(
            Second(
                unix: number, count: open.count, fastest: Double(open.fastest) / 1e9, average: open.average,
                slowest: Double(open.slowest) / 1e9, median: open.percentile(50), p99: open.percentile(99)))
        open.removeAll()
    }
}
