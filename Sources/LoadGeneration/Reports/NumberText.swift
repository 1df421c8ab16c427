/// Numbers as Go's fmt prints them.
package enum NumberText {
    /// `%.<digits>f` of a number below 2^53 / 10^digits, half away from zero.
    package static func fixed(_ value: Double, _ digits: Int = 4) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        guard scaled < 9e15 else { return "\(value)" }
        let number = Int(scaled)
        let unit = Int(scale)
        let sign = value < 0 && number > 0 ? "-" : ""
        if digits == 0 { return "\(sign)\(number)" }
        let fraction = String(number % unit)
        return "\(sign)\(number / unit)."
            + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }

    /// `%g`: the shortest text that reads back as the number, with an exponent below 1e-4 and from 1e21 on.
    package static func shortest(_ value: Double) -> String {
        var text = "\(value)"
        if text.hasSuffix(".0") { text.removeLast(2) }
        guard let mark = text.firstIndex(of: "e") else { return text }
        var mantissa = text[..<mark]
        if mantissa.hasSuffix(".0") { mantissa.removeLast(2) }
        var exponent = text[text.index(after: mark)...]
        let sign = exponent.first == "-" ? "-" : "+"
        if exponent.first == "-" || exponent.first == "+" { exponent.removeFirst() }
        return mantissa + "e" + sign + (exponent.count < 2 ? "0" : "") + exponent
    }
}
