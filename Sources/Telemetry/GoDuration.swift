/// Reads Go's durations: a sign, then numbers with units (`1h30m`, `1.5s`, `300ms`), counted in nanoseconds.
package enum GoDuration {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1000), ("µs", 1000), ("μs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// The value in nanoseconds; nil where Go's parser gives an error (no unit, no digits, overflow).
    package static func nanoseconds(_ text: String) -> Int64? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            guard let part = term(&rest) else { return nil }
            let (sum, over) = total.addingReportingOverflow(part)
            if over { return nil }
            total = sum
        }
        return isNegative ? -total : total
    }

    /// One number with its unit.
    private static func term(_ rest: inout Substring) -> Int64? {
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = Substring()
        if rest.first == "." {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        if whole.isEmpty && fraction.isEmpty { return nil }
        let name = rest.prefix { !isDigit($0) && $0 != "." }
        rest = rest.dropFirst(name.count)
        guard let unit = units.first(where: { $0.name == name })?.nanoseconds else { return nil }
        guard let count = whole.isEmpty ? 0 : Int64(whole) else { return nil }
        let (scaled, over) = count.multipliedReportingOverflow(by: unit)
        if over { return nil }
        let (sum, carry) = scaled.addingReportingOverflow(part(of: unit, fraction))
        return carry ? nil : sum
    }

    /// `0.<digits>` of a unit, rounded down; digits beyond what 64 bits hold are dropped.
    private static func part(of unit: Int64, _ digits: Substring) -> Int64 {
        var value: Int64 = 0
        var scale = unit
        for digit in digits.utf8 {
            // Exact for every unit: the largest has 13 digits, later ones fall below a nanosecond.
            if scale % 10 != 0 { return value + fractionOfOdd(scale, digit) }
            scale /= 10
            value += Int64(digit - 48) * scale
        }
        return value
    }

    private static func fractionOfOdd(_ scale: Int64, _ digit: UInt8) -> Int64 {
        scale * Int64(digit - 48) / 10
    }

    private static func isDigit(_ character: Character) -> Bool {
        character >= "0" && character <= "9" && character.utf8.count == 1
    }
}
