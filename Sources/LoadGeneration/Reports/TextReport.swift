import HTTP
import Telemetry

/// The report etcd's benchmark prints, letter for letter (spec/tools.md 3.1).
package struct TextReport {
    /// Full precision.
    package var isPrecise = false
    /// A line per second behind the rest.
    package var hasSamples = false

    private static let barWidth = 40
    private static let percents: [(text: String, value: Double)] = [
        ("10", 10), ("25", 25), ("50", 50), ("75", 75), ("90", 90), ("95", 95), ("99", 99), ("99.9", 99.9),
    ]

    package init() {}

    /// The whole of a result. Several kinds of operations get a report each, under their names.
    package func text(_ result: LoadResult) -> String {
        if result.kinds.count == 1 { return text(result.kinds[0].latencies, result) + ending(result) }
        var text = ""
        for kind in result.kinds {
            text += "Total \(kind.name) Ops: \(kind.latencies.count)\nDetails:"
            text += self.text(kind.latencies, result) + "\n"
        }
        return text + ending(result)
    }

    /// One kind's report, from `Summary` to the percentiles; nothing where nothing succeeded.
    package func text(_ latencies: Latencies, _ result: LoadResult) -> String {
        if latencies.count == 0 { return "" }
        var text = "\nSummary:\n"
        text += "  Total:\t\(number(result.elapsed)) secs.\n"
        text += "  Slowest:\t\(number(Double(latencies.slowest) / 1e9)) secs.\n"
        text += "  Fastest:\t\(number(Double(latencies.fastest) / 1e9)) secs.\n"
        text += "  Average:\t\(number(latencies.average)) secs.\n"
        text += "  Stddev:\t\(number(latencies.deviation)) secs.\n"
        let rate = result.elapsed > 0 ? Double(latencies.count) / result.elapsed : 0
        text += "  Requests/sec:\t\(number(rate))\n"
        return text + histogram(latencies) + percentiles(latencies)
    }

    private func histogram(_ latencies: Latencies) -> String {
        let buckets = latencies.buckets
        let most = buckets.map(\.count).max() ?? 0
        var text = "\nResponse time histogram:\n"
        for bucket in buckets {
            let length = most == 0 ? 0 : bucket.count * Self.barWidth / most
            text += "  \(number(bucket.bound)) [\(bucket.count)]\t|"
            text += String(repeating: "∎", count: length) + "\n"
        }
        return text
    }

    private func percentiles(_ latencies: Latencies) -> String {
        var text = "\nLatency distribution:\n"
        for percent in Self.percents {
            let value = latencies.percentile(percent.value)
            if value > 0 { text += "  \(percent.text)% in \(number(value)) secs.\n" }
        }
        return text
    }

    private func ending(_ result: LoadResult) -> String {
        (hasSamples ? samples(result.timeline) : "") + errors(result.errors) + pace(result)
            + use(result)
    }

    /// What is not in etcd's report either: an open loop that fell behind.
    private func pace(_ result: LoadResult) -> String {
        var text = ""
        if let pace = result.pace, pace.isMissed {
            text += "\nRate:\n  Asked for:\t\(number(pace.asked)) requests/sec.\n"
            text += "  Reached:\t\(number(pace.reached)) requests/sec.\n"
        }
        if result.unsent > 0 {
            text += "\nNot sent:\t\(result.unsent) requests that were due before the end.\n"
        }
        return text
    }

    private func samples(_ timeline: Timeline) -> String {
        var text = "\nSample in one second (unix latency throughput):\n"
        text += "UNIX-SECOND,MIN-LATENCY-MS,AVG-LATENCY-MS,MAX-LATENCY-MS,AVG-THROUGHPUT\n"
        for second in timeline.seconds {
            let latencies = [second.fastest, second.average, second.slowest].map {
                Duration.nanoseconds(Int64($0 * 1e9)).goText
            }
            text += "\(second.unix),\(latencies.joined(separator: ",")),\(second.count)\n"
        }
        return text + "\n"
    }

    private func errors(_ errors: [GRPCStatus: Int]) -> String {
        if errors.isEmpty { return "" }
        var text = "\nError distribution:\n"
        for (status, count) in errors.byCount {
            text += "  [\(count)]\t\(status.goText)\n"
        }
        return text
    }

    /// What is not in etcd's report: what both processes used, where the server's was named, and that the
    /// run was cut short.
    private func use(_ result: LoadResult) -> String {
        var text = ""
        if let server = result.server {
            text += "\nServer process:\n  CPU:\t\(cpu(server.cpu, result))\n"
            text += "  Memory:\t\(NumberText.fixed(Double(server.residentBytes) / 1048576, 1)) MiB resident, "
            text += "\(NumberText.fixed(Double(server.anonymousBytes) / 1048576, 1)) MiB anonymous.\n"
            text += "\nThis process:\n  CPU:\t\(cpu(result.ownCPU, result))\n"
        }
        if result.isInterrupted { text += "\nInterrupted: this is what ran until then.\n" }
        return text
    }

    private func cpu(_ seconds: Double, _ result: LoadResult) -> String {
        let each = result.succeeded > 0 ? seconds * 1e6 / Double(result.succeeded) : 0
        return "\(number(seconds)) secs, \(NumberText.fixed(each, 1)) us/request."
    }

    private func number(_ value: Double) -> String {
        isPrecise ? NumberText.shortest(value) : NumberText.fixed(value)
    }
}

extension GRPCStatus {
    /// As grpc-go prints it: `rpc error: code = Unavailable desc = …`.
    package var goText: String { "rpc error: code = \(code.goName) desc = \(message)" }
}

extension GRPCCode {
    /// grpc-go's name of the code.
    package var goName: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internal: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        }
    }
}
