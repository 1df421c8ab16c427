/// The Prometheus text format, version 0.0.4: families by name, children by label values, numbers as
/// Go prints them (a dashboard does not care, a comparison with etcd's output does).
extension MetricsRegistry {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

    /// Everything, as `/metrics` answers it. Families with labels and no children yet are left out.
    package func text() -> String {
        var out = ""
        out.reserveCapacity(1 << 17)
        for family in all { MetricsText.append(family, to: &out) }
        return out
    }
}

enum MetricsText {
    static func append(_ family: MetricsRegistry.Family, to out: inout String) {
        let name = family.name
        let start = out.utf8.count
        header(family, &out)
        let bodyStart = out.utf8.count
        switch family.source {
        case .counter(let counter): line(name, [], [], number(Double(counter.value)), &out)
        case .gauge(let gauge): line(name, [], [], number(gauge.value), &out)
        case .computed(let gauge): line(name, [], [], number(gauge.value), &out)
        case .histogram(let histogram): lines(name, [], [], histogram, &out)
        case .counters(let family):
            for child in family.all {
                line(name, family.names, child.values, number(Double(child.metric.value)), &out)
            }
        case .gauges(let family):
            for child in family.all {
                line(name, family.names, child.values, number(child.metric.value), &out)
            }
        case .histograms(let family):
            for child in family.all { lines(name, family.names, child.values, child.metric, &out) }
        case .sampled(_, let read):
            if let value = read() { line(name, [], [], number(value), &out) }
        }
        if out.utf8.count == bodyStart { out = String(out.utf8.prefix(start)) ?? out }
    }

    private static func header(_ family: MetricsRegistry.Family, _ out: inout String) {
        out += "# HELP \(family.name) "
        for character in family.help.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(character)
            }
        }
        out += "\n# TYPE \(family.name) \(family.source.kind)\n"
    }

    private static func line(
        _ name: String, _ labels: [String], _ values: [String], _ value: String, _ out: inout String
    ) {
        out += name
        if !labels.isEmpty {
            var mark = "{"
            for (label, value) in zip(labels, values).sorted(by: { $0.0 < $1.0 }) {
                out += mark + label + "=\""
                escape(value, &out)
                out += "\""
                mark = ","
            }
            out += "}"
        }
        out += " " + value + "\n"
    }

    private static func lines(
        _ name: String, _ labels: [String], _ values: [String], _ histogram: Histogram, _ out: inout String
    ) {
        let (cumulative, count, sum) = histogram.snapshot
        var prefix = name + "_bucket{"
        for (label, value) in zip(labels, values).sorted(by: { $0.0 < $1.0 }) {
            prefix += label + "=\""
            escape(value, &prefix)
            prefix += "\","
        }
        for (bound, below) in zip(histogram.bounds, cumulative) {
            out += prefix + "le=\"" + number(bound) + "\"} " + String(below) + "\n"
        }
        out += prefix + "le=\"+Inf\"} \(count)\n"
        line(name + "_sum", labels, values, number(sum), &out)
        line(name + "_count", labels, values, String(count), &out)
    }

    private static func escape(_ value: String, _ out: inout String) {
        for character in value.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(character)
            }
        }
    }

    /// The shortest text that reads back as the same number, with an exponent from a million up and below
    /// 0.0001, as Go's `strconv.FormatFloat(x, 'g', -1, 64)`: `0.001`, `2.147483648e+09`, `+Inf`.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == 0 { return "0" }
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
