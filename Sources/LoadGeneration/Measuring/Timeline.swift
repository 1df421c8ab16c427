/// What happened in each second of a run, from the first in which an operation ended to the last. A second
/// in which none did is there too, with zeros.
package struct Timeline {
    /// One second; latencies in seconds.
    package struct Second: Sendable {
        /// Of the day's clock (Unix).
        package var unix: Int64
        /// The part of it that lies between the first operation's beginning and the last one's end.
        package var share = 1.0
        package var count = 0
        package var fastest = 0.0
        package var average = 0.0
        package var slowest = 0.0
        package var median = 0.0
        package var p99 = 0.0
    }

    package private(set) var seconds: [Second] = []
    private var open = Latencies()
    private var number: Int64 = 0
    /// When the first operation began and when the last ended; nanoseconds of the day's clock.
    private var (began, ended): (Int64, Int64) = (0, 0)
    /// What the day's clock showed at 0 of the monotonic one.
    private let unixOffset: Int64

    /// `unixOffset`: nanoseconds between the monotonic clock and the day's.
    package init(unixOffset: Int64) { self.unixOffset = unixOffset }

    /// Counts an operation that ended `at` (nanoseconds, monotonic); ends come in order.
    package mutating func record(_ nanoseconds: Int64, at end: Int64) {
        let end = end + unixOffset
        let second = end / Self.nanoseconds
        if second != number {
            close(until: (number + 1) * Self.nanoseconds)
            number = second
        }
        if began == 0 { began = end - nanoseconds }
        ended = end
        open.record(nanoseconds)
    }

    /// The last second is over.
    package mutating func close() { close(until: ended) }

    /// Ends a second, whose operations went on to that time.
    private mutating func close(until end: Int64) {
        if open.count == 0 { return }
        if let last = seconds.last, last.unix < number {
            seconds += (last.unix + 1..<number).map { Second(unix: $0) }
        }
        let share = Double(end - max(began, number * Self.nanoseconds)) / 1e9
        seconds.append(
            Second(
                unix: number, share: share, count: open.count,
                fastest: Double(open.fastest) / 1e9, average: open.average,
                slowest: Double(open.slowest) / 1e9, median: open.percentile(50), p99: open.percentile(99)))
        open.removeAll()
    }

    private static let nanoseconds: Int64 = 1_000_000_000
}
