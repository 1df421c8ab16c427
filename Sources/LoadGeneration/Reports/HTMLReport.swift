import HTTP

/// A result as one page with charts: latency and throughput over time, and the percentile curve. It needs
/// nothing but itself.
package enum HTMLReport {
    package static func text(_ result: LoadResult, command: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(HTMLText.escaped(command))</title>
        <style>\(style)</style></head>
        <body><main>
        <h1>\(HTMLText.escaped(command))</h1>
        \(summary(result))
        \(latencyChart(result).svg)\(rateChart(result).svg)\(percentileChart(result).svg)
        \(table(result))
        \(errors(result))
        </main></body></html>

        """
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1c2733;--paper:#fff;--faint:#d9dfe5;--soft:#5b6875;\
        --a:#1769aa;--b:#c2571a;--c:#7b3fa0;--d:#2e7d4f;--e:#a3264b;--f:#6d6a1f}
        @media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--paper:#14191f;--faint:#313a44;--soft:#9aa7b4;\
        --a:#6cb4ee;--b:#f0925a;--c:#c795ea;--d:#6fcf97;--e:#f28ba8;--f:#d6cf6b}}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:900px;margin:0 auto;padding:24px 20px}
        h1{font-size:19px;overflow-wrap:anywhere}
        dl{display:flex;flex-wrap:wrap;gap:8px 32px;margin:0 0 20px}
        dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:19px;font-variant-numeric:tabular-nums}
        svg{display:block;width:100%;margin:0 0 22px}
        svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg text.title{font-size:14px;font-weight:600}
        svg text.axis{fill:var(--soft)}.grid{stroke:var(--faint);stroke-width:1}
        polyline{fill:none;stroke-width:2;stroke-linejoin:round}line{stroke-width:2}
        .line0{stroke:var(--a)}.line1{stroke:var(--b)}.line2{stroke:var(--c)}
        .line3{stroke:var(--d)}.line4{stroke:var(--e)}.line5{stroke:var(--f)}.dashed{stroke-dasharray:6 4}
        .dot.line0{fill:var(--a)}.dot.line1{fill:var(--b)}.dot.line2{fill:var(--c)}
        .dot.line3{fill:var(--d)}.dot.line4{fill:var(--e)}.dot.line5{fill:var(--f)}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th,td{text-align:right;padding:4px 8px;border-bottom:1px solid var(--faint)}
        th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:500}
        """

    private static func summary(_ result: LoadResult) -> String {
        var facts = [
            ("operations/s", NumberText.fixed(result.rate, result.rate < 100 ? 1 : 0)),
            ("operations", "\(result.succeeded)"), ("errors", "\(result.failed)"),
            ("seconds", NumberText.fixed(result.elapsed, 2)),
        ]
        if result.unsent > 0 { facts.append(("due, not sent", "\(result.unsent)")) }
        if let pace = result.pace, pace.isMissed {
            facts.append(("asked for, operations/s", NumberText.fixed(pace.asked, pace.asked < 100 ? 1 : 0)))
            facts.append(("begun, operations/s", NumberText.fixed(pace.reached, pace.asked < 100 ? 1 : 0)))
        }
        if let server = result.server {
            let each = result.succeeded > 0 ? server.cpu * 1e6 / Double(result.succeeded) : 0
            facts.append(("server CPU us/operation", NumberText.fixed(each, 1)))
            facts.append(
                ("server memory MiB", NumberText.fixed(Double(server.residentBytes) / 1_048_576, 1)))
        }
        let note = result.isInterrupted ? "<p>Interrupted: this is what ran until then.</p>" : ""
        return "<dl>"
            + facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }.joined() + "</dl>" + note
    }

    private static func latencyChart(_ result: LoadResult) -> Chart {
        let seconds = result.timeline.seconds
        // Where nothing ended there is no latency, and the line is broken.
        let pieces = seconds.split { $0.count == 0 }
        func line(_ name: String, _ value: (Timeline.Second) -> Double) -> Chart.Line {
            Chart.Line(
                name: name,
                pieces: pieces.map { piece in
                    piece.map { (Double($0.unix - seconds[0].unix), value($0) * 1e3) }
                })
        }
        return Chart(
            title: "Latency over time",
            lines: [line("p50", \.median), line("p99", \.p99), line("slowest", \.slowest)],
            xTicks: timeTicks(seconds), xName: "seconds since the start", yName: "ms", hasLogarithmicY: true)
    }

    private static func rateChart(_ result: LoadResult) -> Chart {
        let seconds = result.timeline.seconds
        // The first and the last second are no whole ones; of a small part of a second no rate is told.
        let whole = seconds.filter { $0.share >= 0.2 }
        let shown = whole.isEmpty ? seconds : whole
        let points = shown.map { second in
            (x: Double(second.unix - seconds[0].unix), y: Double(second.count) / max(second.share, 0.001))
        }
        return Chart(
            title: "Operations per second", lines: [Chart.Line(name: "operations", pieces: [points])],
            xTicks: timeTicks(seconds), xName: "seconds since the start", yName: "1/s", hasLogarithmicY: false
        )
    }

    private static func timeTicks(_ seconds: [Timeline.Second]) -> [Chart.Tick] {
        guard let first = seconds.first, let last = seconds.last else { return [] }
        let step = Int64(Decades.step(max(Double(last.unix - first.unix) / 10, 1)))
        return stride(from: 0, through: last.unix - first.unix, by: Int(step)).map {
            Chart.Tick(value: Double($0), text: "\($0)")
        }
    }

    /// x is the number of nines: -log(1 - p), so that 90, 99 and 99.9 % are equally far apart.
    private static func percentileChart(_ result: LoadResult) -> Chart {
        func x(_ percent: Double) -> Double { Decades.logarithm(100 / (100 - percent)) }
        let count = result.kinds.map(\.latencies.count).max() ?? 0
        var ticks = [0.0, 50, 90, 99]
        for (percent, needed) in [(99.9, 1000), (99.99, 10_000), (99.999, 100_000)] where count >= needed {
            ticks.append(percent)
        }
        let end = x(ticks.last ?? 99)
        let shown = result.kinds.filter { $0.latencies.count > 0 }
        let lines = shown.map { kind in
            Chart.Line(
                name: kind.name,
                pieces: [
                    stride(from: 0, through: end, by: end / 120).map { nines in
                        var rest = 1.0  // 2^-nines
                        for _ in 0..<Int(nines) { rest /= 2 }
                        rest /= 1 + (nines - Double(Int(nines)))  // between powers, straight
                        return (nines, kind.latencies.percentile(100 - 100 * rest) * 1e3)
                    }
                ])
        }
        return Chart(
            title: "Percentiles", lines: lines,
            xTicks: ticks.map { Chart.Tick(value: x($0), text: "\(NumberText.shortest($0)) %") },
            xName: "share of operations not slower", yName: "ms", hasLogarithmicY: true)
    }

    private static func table(_ result: LoadResult) -> String {
        let percents = [50.0, 90, 99, 99.9]
        let head =
            ["operation", "count", "fastest", "average"]
            + percents.map { "\(NumberText.shortest($0)) %" } + ["slowest"]
        var rows = "<tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr>"
        for kind in result.kinds {
            let latencies = kind.latencies
            let times =
                [Double(latencies.fastest) / 1e9, latencies.average]
                + percents.map { latencies.percentile($0) } + [Double(latencies.slowest) / 1e9]
            let cells =
                [HTMLText.escaped(kind.name), "\(latencies.count)"]
                + times.map { NumberText.fixed($0 * 1e3, 3) }
            rows += "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return "<table>\(rows)</table><p>Latencies in milliseconds.</p>"
    }

    private static func errors(_ result: LoadResult) -> String {
        if result.errors.isEmpty { return "" }
        let rows = result.errors.byCount.map {
            "<tr><td>\(HTMLText.escaped($0.status.goText))</td><td>\($0.count)</td></tr>"
        }
        return "<h2>Errors</h2><table>\(rows.joined())</table>"
    }
}
