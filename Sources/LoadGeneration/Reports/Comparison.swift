import HTTP
import Telemetry

/// Two servers under the same load by turns, and how they compare: the ratio a / b of each figure in every
/// round, its median and its extremes, because machines are noisy.
package struct Comparison {
    /// A figure of one run, and how it is named and printed.
    package struct Figure: Equatable {
        package let name: String
        package let unit: String
        package let a: [Double]
        package let b: [Double]
        /// What is printed where no round has a ratio.
        var whenUnknown = "-"

        /// a / b by rounds; rounds in which a side measured nothing are left out.
        package var ratios: [Double] { zip(a, b).filter { $0.0 > 0 && $0.1 > 0 }.map { $0.0 / $0.1 } }
    }

    package private(set) var a: [LoadResult] = []
    package private(set) var b: [LoadResult] = []
    /// The program was told to stop before all rounds were over.
    package var isInterrupted = false

    package init() {}

    package mutating func add(a: LoadResult, b: LoadResult) {
        self.a.append(a)
        self.b.append(b)
    }

    package var figures: [Figure] {
        var figures = [figure("Requests/sec", "", \.rate)]
        for place in 0..<(a.first?.kinds.count ?? 0) {
            let name = a[0].kinds.count > 1 ? a[0].kinds[place].name + " " : ""
            for percent in [50.0, 99, 99.9] {
                figures.append(
                    figure("\(name)p\(NumberText.shortest(percent))", "ms") {
                        $0.kinds[place].latencies.percentile(percent) * 1e3
                    })
            }
        }
        if (a + b).allSatisfy({ $0.server != nil }) {
            var cpu = figure("Server CPU", "us/request") {
                ($0.server?.cpu ?? 0) * 1e6 / Double(max($0.succeeded, 1))
            }
            cpu.whenUnknown = "too short to tell"
            figures.append(cpu)
            figures.append(
                figure("Server memory", "MiB anonymous") {
                    Double($0.server?.anonymousBytes ?? 0) / 1_048_576
                })
        }
        if (a + b).contains(where: { $0.failed > 0 }) {
            figures.append(figure("Errors", "") { Double($0.failed) })
        }
        return figures
    }

    private func figure(_ name: String, _ unit: String, _ value: (LoadResult) -> Double) -> Figure {
        Figure(name: name, unit: unit, a: a.map(value), b: b.map(value))
    }

    /// A line per figure; then what failed, and whether it was cut short.
    package var text: String {
        var text = table
        for (name, errors) in [("a", Self.errors(a)), ("b", Self.errors(b))] where !errors.isEmpty {
            text += "\nErrors of \(name):\n"
            for (status, count) in errors.sorted(by: {
                ($0.value, $1.key.message) > ($1.value, $0.key.message)
            }) {
                text += "  [\(count)]\t\(status.goText)\n"
            }
        }
        if isInterrupted { text += "\nInterrupted: these rounds were over until then.\n" }
        return text
    }

    private static func errors(_ results: [LoadResult]) -> [GRPCStatus: Int] {
        results.reduce(into: [:]) { $0.merge($1.errors, uniquingKeysWith: +) }
    }

    /// Medians of both, and the ratio's median and extremes.
    private var table: String {
        var rows = [["", "a", "b", "a/b", "least", "most"]]
        for figure in figures {
            let ratios = figure.ratios
            rows.append([
                figure.unit.isEmpty ? figure.name : "\(figure.name) (\(figure.unit))",
                Self.short(Self.median(figure.a)), Self.short(Self.median(figure.b)),
                ratios.isEmpty ? figure.whenUnknown : Self.short(Self.median(ratios)),
                ratios.min().map(Self.short) ?? "-", ratios.max().map(Self.short) ?? "-",
            ])
        }
        let widths = (0..<6).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// `command`: what ran, without passwords; `a`, `b`: the endpoints of the sides.
    package func json(command: String, a endpointsA: String, b endpointsB: String) -> String {
        let members = figures.map { figure in
            let ratios = figure.ratios
            return "{\"name\":\(JSONText.quoted(figure.name)),\"unit\":\"\(figure.unit)\","
                + "\"a\":\(Self.list(figure.a)),\"b\":\(Self.list(figure.b)),"
                + "\"ratios\":\(Self.list(ratios)),"
                + "\"median\":\(ratios.isEmpty ? "null" : JSONReport.number(Self.median(ratios)))}"
        }
        let targets = "{\"a\":\(JSONText.quoted(endpointsA)),\"b\":\(JSONText.quoted(endpointsB))}"
        let errors = [a, b].map { JSONReport.errors(Self.errors($0)) }
        return "{\"command\":\(JSONText.quoted(command)),\"targets\":\(targets),"
            + "\"rounds\":\(a.count),\"interrupted\":\(isInterrupted),"
            + "\"figures\":[\(members.joined(separator: ","))],"
            + "\"errors\":{\"a\":[\(errors[0])],\"b\":[\(errors[1])]}}\n"
    }

    private static func list(_ values: [Double]) -> String {
        "[" + values.map { JSONReport.number($0) }.joined(separator: ",") + "]"
    }

    package static func median(_ values: [Double]) -> Double {
        if values.isEmpty { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Three digits that mean something.
    private static func short(_ value: Double) -> String {
        switch value {
        case 100...: NumberText.fixed(value, 0)
        case 10..<100: NumberText.fixed(value, 1)
        case 1..<10: NumberText.fixed(value, 2)
        default: NumberText.fixed(value, 3)
        }
    }
}
