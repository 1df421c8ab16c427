import HTTP
import Telemetry

/// A result as JSON: everything the text says, and every second. Latencies are in milliseconds.
package enum JSONReport {
    package static let percents = [10.0, 25, 50, 75, 90, 95, 99, 99.9, 99.99]

    package static func text(_ result: LoadResult, command: String) -> String {
        var members = [
            "\"command\":\(JSONText.quoted(command))",
            "\"seconds\":\(number(result.elapsed))",
            "\"succeeded\":\(result.succeeded)",
            "\"failed\":\(result.failed)",
            "\"unsent\":\(result.unsent)",
            "\"requestsPerSecond\":\(number(result.rate))",
            "\"clientCPUSeconds\":\(number(result.ownCPU))",
            "\"interrupted\":\(result.isInterrupted)",
            "\"operations\":[\(result.kinds.map { operation($0, result) }.joined(separator: ","))]",
            "\"errors\":[\(errors(result.errors))]",
            "\"timeline\":[\(result.timeline.seconds.map { second($0) }.joined(separator: ","))]",
        ]
        if let pace = result.pace {
            members.append(
                "\"rate\":{\"asked\":\(number(pace.asked)),\"reached\":\(number(pace.reached)),"
                    + "\"missed\":\(pace.isMissed)}")
        }
        if let server = result.server {
            let each = result.succeeded > 0 ? server.cpu * 1e6 / Double(result.succeeded) : 0
            members.append(
                "\"server\":{\"cpuSeconds\":\(number(server.cpu)),\"cpuMicrosecondsPerRequest\":"
                    + "\(number(each)),\"residentBytes\":\(server.residentBytes),"
                    + "\"anonymousBytes\":\(server.anonymousBytes)}")
        }
        return "{\(members.joined(separator: ","))}\n"
    }

    private static func operation(_ kind: LoadResult.Kind, _ result: LoadResult) -> String {
        let latencies = kind.latencies
        let elapsed = kind.elapsed ?? result.elapsed
        let rate = elapsed > 0 ? Double(latencies.count) / elapsed : 0
        let percentiles = percents.map {
            "\"\(NumberText.shortest($0))\":\(milliseconds(latencies.percentile($0)))"
        }
        let buckets = latencies.buckets.map { "[\(milliseconds($0.bound)),\($0.count)]" }
        return "{\"name\":\(JSONText.quoted(kind.name)),\"count\":\(latencies.count),"
            + "\"requestsPerSecond\":\(number(rate)),"
            + "\"fastest\":\(milliseconds(Double(latencies.fastest) / 1e9)),"
            + "\"average\":\(milliseconds(latencies.average)),"
            + "\"slowest\":\(milliseconds(Double(latencies.slowest) / 1e9)),"
            + "\"deviation\":\(milliseconds(latencies.deviation)),"
            + "\"percentiles\":{\(percentiles.joined(separator: ","))},"
            + "\"histogram\":[\(buckets.joined(separator: ","))]\(ownTime(kind))}"
    }

    /// Of an operation that did not run as long as the result.
    private static func ownTime(_ kind: LoadResult.Kind) -> String {
        guard let elapsed = kind.elapsed, let timeline = kind.timeline else { return "" }
        return ",\"seconds\":\(number(elapsed)),\"timeline\":"
            + "[\(timeline.seconds.map { second($0) }.joined(separator: ","))]"
    }

    static func errors(_ errors: [GRPCStatus: Int]) -> String {
        errors.byCount.map {
            "{\"code\":\"\($0.status.code.goName)\",\"text\":\(JSONText.quoted($0.status.message)),"
                + "\"count\":\($0.count)}"
        }.joined(separator: ",")
    }

    private static func second(_ second: Timeline.Second) -> String {
        "{\"unix\":\(second.unix),\"count\":\(second.count),\"fastest\":\(milliseconds(second.fastest)),"
            + "\"average\":\(milliseconds(second.average)),\"median\":\(milliseconds(second.median)),"
            + "\"p99\":\(milliseconds(second.p99)),\"slowest\":\(milliseconds(second.slowest))}"
    }

    private static func milliseconds(_ seconds: Double) -> String { NumberText.fixed(seconds * 1e3, 6) }

    static func number(_ value: Double) -> String { NumberText.fixed(value, 6) }
}
