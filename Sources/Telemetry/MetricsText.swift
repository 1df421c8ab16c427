/// The Prometheus text format, version 0.0.4: families by name, children by label values, numbers as
/// Go prints them (a dashboard does not care, a comparison with etcd's output does).
extension MetricsRegistry {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

    /// Everything, as `/metrics` answers it. Families with labels and no children yet are left out.
    package func text() -> String {
        bringUpToDate()
        var out = ""
        out.reserveCapacity(1 << 18)
        for family in all { MetricsText.append(family, to: &out) }
        return out
    }
}

enum MetricsText {
    static func append(_ family: MetricsRegistry.Family, to out: inout String) {
        let name = family.name
        switch family.source {
        case .counter(let counter): single(family, number(Double(counter.value)), &out)
        case .gauge(let gauge): single(family, number(gauge.value), &out)
        case .computed(let gauge): single(family, number(gauge.value), &out)
        case .histogram(let histogram):
            header(family, &out)
            lines(name, "", histogram, &out)
        case .counters(let labelled):
            let children = labelled.all
            if !children.isEmpty { header(family, &out) }
            for child in children {
                line(name, child.labels, number(Double(child.metric.value)), &out)
            }
        case .gauges(let labelled):
            let children = labelled.all
            if !children.isEmpty { header(family, &out) }
            for child in children { line(name, child.labels, number(child.metric.value), &out) }
        case .histograms(let labelled):
            let children = labelled.all
            if !children.isEmpty { header(family, &out) }
            for child in children { lines(name, child.labels, child.metric, &out) }
        case .sampled(_, let read):
            if let value = read() { single(family, number(value), &out) }
        }
    }

    private static func single(_ family: MetricsRegistry.Family, _ value: String, _ out: inout String) {
        header(family, &out)
        line(family.name, "", value, &out)
    }

    private static func header(_ family: MetricsRegistry.Family, _ out: inout String) {
        out += "# HELP "
        out += family.name
        out += " "
        for character in family.help.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(character)
            }
        }
        out += "\n# TYPE "
        out += family.name
        out += " "
        out += family.source.kind
        out += "\n"
    }

    private static func line(_ name: String, _ labels: String, _ value: String, _ out: inout String) {
        out += name
        if !labels.isEmpty {
            out += "{"
            out += labels
            out += "}"
        }
        out += " "
        out += value
        out += "\n"
    }

    private static func lines(
        _ name: String, _ labels: String, _ histogram: Histogram, _ out: inout String
    ) {
        let (cumulative, count, sum) = histogram.snapshot
        let prefix = name + "_bucket{" + (labels.isEmpty ? "" : labels + ",") + "le=\""
        for (bound, below) in zip(histogram.boundTexts, cumulative) {
            out += prefix
            out += bound
            out += "\"} "
            out += String(below)
            out += "\n"
        }
        out += prefix
        out += "+Inf\"} "
        out += String(count)
        out += "\n"
        line(name + "_sum", labels, number(sum), &out)
        line(name + "_count", labels, String(count), &out)
    }

    /// A label's value between its quotes.
    static func escaped(_ value: String) -> String {
        var out = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }

    /// The shortest text that reads back as the same number, with an exponent from a million up and below
    /// 0.0001, as Go's `strconv.FormatFloat(x, 'g', -1, 64)`: `0.001`, `2.147483648e+09`, `+Inf`.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: value), whole.magnitude < 1_000_000 { return String(whole) }
        let (digits, point) = decimal(value.magnitude)
        let sign = value < 0 ? "-" : ""
        let exponent = point - 1
        if exponent < -4 || exponent >= 6 {
            return sign + scientific(digits, exponent)
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if point >= digits.count {
            return sign + digits + String(repeating: "0", count: point - digits.count)
        }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    private static func scientific(_ digits: String, _ exponent: Int) -> String {
        let tail = digits.dropFirst()
        let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
        return digits.prefix(1) + (tail.isEmpty ? "" : "." + tail) + "e" + (exponent < 0 ? "-" : "+") + size
    }

    /// The significant digits without zeroes at either end, and how many stand before the point.
    private static func decimal(_ value: Double) -> (digits: String, point: Int) {
        let text = value.description
        let parts = text.split(separator: "e")
        var point = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = mantissa[0] + (mantissa.count > 1 ? mantissa[1] : "")
        point += mantissa[0].count
        while digits.last == "0" { digits.removeLast() }
        while digits.first == "0" {
            digits.removeFirst()
            point -= 1
        }
        return (String(digits), point)
    }
}
