extension Duration {
    /// As Go prints a duration: `1h0m0s`, `1.5s`, `300ms`, `0s`.
    package var goText: String {
        let (seconds, attoseconds) = components
        let total = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        if total == 0 { return "0s" }
        let sign = total < 0 ? "-" : ""
        let value = total.magnitude
        if value < 1_000_000_000 {
            for (name, size): (String, UInt64) in [("ms", 1_000_000), ("µs", 1000), ("ns", 1)]
            where value >= size {
                return sign + Duration.decimal(value, size) + name
            }
        }
        let wholeSeconds = value / 1_000_000_000
        let (hours, minutes) = (wholeSeconds / 3600, wholeSeconds / 60 % 60)
        var out = sign
        if hours > 0 { out += "\(hours)h" }
        if hours > 0 || minutes > 0 { out += "\(minutes)m" }
        return out + Duration.decimal(value % 60_000_000_000, 1_000_000_000) + "s"
    }

    /// `value / size` without trailing zeroes behind the point; `size` is a power of ten.
    private static func decimal(_ value: UInt64, _ size: UInt64) -> String {
        let fraction = value % size
        if fraction == 0 { return "\(value / size)" }
        var digits = String(size + fraction).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(value / size)." + digits
    }
}

/// JSON as Go's zap and encoding/json write it, for the few places that need no parser.
package enum JSONText {
    /// Appends a string in quotes; control characters as `\u00XX` but for `\n`, `\r` and `\t`.
    package static func append(_ text: String, to out: inout String) {
        out += "\""
        var plain = text.unicodeScalars.startIndex
        let scalars = text.unicodeScalars
        for index in scalars.indices {
            let scalar = scalars[index]
            guard scalar.value < 0x20 || scalar == "\"" || scalar == "\\" else { continue }
            out.unicodeScalars.append(contentsOf: scalars[plain..<index])
            plain = scalars.index(after: index)
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default: out += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            }
        }
        out.unicodeScalars.append(contentsOf: scalars[plain...])
        out += "\""
    }

    package static func quoted(_ text: String) -> String {
        var out = ""
        append(text, to: &out)
        return out
    }
}
