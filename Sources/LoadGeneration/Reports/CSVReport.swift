/// A result as CSV: a line per second, latencies in milliseconds.
package enum CSVReport {
    package static func text(_ timeline: Timeline) -> String {
        var text = "unix,operations,fastest_ms,average_ms,median_ms,p99_ms,slowest_ms\n"
        for second in timeline.seconds {
            let latencies = [second.fastest, second.average, second.median, second.p99, second.slowest]
            let columns = latencies.map { NumberText.fixed($0 * 1e3, 6) }
            text += "\(second.unix),\(second.count),\(columns.joined(separator: ","))\n"
        }
        return text
    }
}
