/// A line chart as SVG: both axes with ticks, a grid, a legend, one colour class per line (`line0` … `line5`,
/// then the same dashed).
struct Chart {
    struct Line {
        let name: String
        /// Points that are joined; between two pieces there is a gap.
        let pieces: [[(x: Double, y: Double)]]

        var points: FlattenSequence<[[(x: Double, y: Double)]]> { pieces.joined() }
    }

    struct Tick {
        let value: Double
        let text: String
    }

    let title: String
    let lines: [Line]
    let xTicks: [Tick]
    let xName: String
    let yName: String
    /// Equal ratios of y are equally far apart; every y is then above 0.
    let hasLogarithmicY: Bool

    private static let (width, height) = (860.0, 320.0)
    private static let (left, right, top, bottom) = (70.0, 36.0, 46.0, 46.0)

    var svg: String {
        let ticks = yTicks
        var body = ""
        for tick in ticks { body += horizontal(tick) }
        for tick in xTicks { body += vertical(tick) }
        for (place, line) in lines.enumerated() { body += draw(line, place) }
        body += text(Self.left, 18, title, "title")
        body += text(Self.width / 2, Self.height - 6, xName, "axis", anchor: "middle")
        body += legend
        return "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" "
            + "aria-label=\"\(HTMLText.escaped(title))\">\(body)</svg>\n"
    }

    private var xRange: (low: Double, high: Double) {
        let all = lines.flatMap { $0.points.map(\.x) } + xTicks.map(\.value)
        let (low, high) = (all.min() ?? 0, all.max() ?? 1)
        return high > low ? (low, high) : (low, low + 1)
    }

    private var yRange: (low: Double, high: Double) {
        let all = lines.flatMap { $0.points.map(\.y) }
        let high = max(all.max() ?? 1, 1e-9)
        if !hasLogarithmicY { return (0, high * 1.05) }
        let low = max(all.filter { $0 > 0 }.min() ?? high / 10, high / 1e6)
        return (Decades.floor(low), max(Decades.ceiling(high), Decades.floor(low) * 10))
    }

    private var yTicks: [Tick] {
        let (low, high) = yRange
        var ticks: [Tick] = []
        if hasLogarithmicY {
            var value = low
            while value <= high * 1.0001 {
                ticks.append(Tick(value: value, text: NumberText.shortest(value)))
                value *= 10
            }
            return ticks
        }
        let step = Decades.step(high / 5)
        var value = 0.0
        while value <= high {
            ticks.append(Tick(value: value, text: NumberText.shortest(value)))
            value += step
        }
        return ticks
    }

    private func x(_ value: Double) -> Double {
        let (low, high) = xRange
        return Self.left + (value - low) / (high - low) * (Self.width - Self.left - Self.right)
    }

    private func y(_ value: Double) -> Double {
        let (low, high) = yRange
        let share =
            hasLogarithmicY
            ? Decades.logarithm(max(value, low) / low) / Decades.logarithm(high / low)
            : (value - low) / (high - low)
        return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }

    private func horizontal(_ tick: Tick) -> String {
        let at = y(tick.value)
        return "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" "
            + "y1=\"\(place(at))\" y2=\"\(place(at))\"/>"
            + text(Self.left - 8, at + 4, tick.text, "axis", anchor: "end")
    }

    private func vertical(_ tick: Tick) -> String {
        let at = x(tick.value)
        return "<line class=\"grid\" y1=\"\(Self.top)\" y2=\"\(Self.height - Self.bottom)\" "
            + "x1=\"\(place(at))\" x2=\"\(place(at))\"/>"
            + text(at, Self.height - Self.bottom + 18, tick.text, "axis", anchor: "middle")
    }

    private func draw(_ line: Line, _ number: Int) -> String {
        line.pieces.map { piece in
            if piece.count == 1 {
                return "<circle class=\"\(style(number)) dot\" r=\"4\" cx=\"\(place(x(piece[0].x)))\" "
                    + "cy=\"\(place(y(piece[0].y)))\"/>"
            }
            let points = piece.map { "\(place(x($0.x))),\(place(y($0.y)))" }.joined(separator: " ")
            return "<polyline class=\"\(style(number))\" points=\"\(points)\"/>"
        }.joined()
    }

    private func style(_ number: Int) -> String { "line\(number % 6)" + (number < 6 ? "" : " dashed") }

    private var legend: String {
        var (at, body) = (Self.left, text(Self.left - 8, 38, yName, "axis", anchor: "end"))
        for (number, line) in lines.enumerated() where lines.count > 1 {
            body += "<line class=\"\(style(number))\" x1=\"\(at)\" x2=\"\(at + 22)\" y1=\"34\" y2=\"34\"/>"
            body += text(at + 28, 38, line.name, "axis")
            at += 50 + Double(line.name.count) * 7.5
        }
        return body
    }

    private func text(
        _ x: Double, _ y: Double, _ text: String, _ style: String, anchor: String = "start"
    ) -> String {
        "<text class=\"\(style)\" x=\"\(place(x))\" y=\"\(place(y))\" text-anchor=\"\(anchor)\">"
            + "\(HTMLText.escaped(text))</text>"
    }

    private func place(_ value: Double) -> String { NumberText.fixed(value, 1) }
}

/// Powers of ten.
enum Decades {
    /// The power of ten at or below a value, which is above 0.
    static func floor(_ value: Double) -> Double {
        precondition(value > 0, "a logarithm's argument is positive")
        var power = 1.0
        while power > value { power /= 10 }
        while power * 10 <= value { power *= 10 }
        return power
    }

    static func ceiling(_ value: Double) -> Double {
        let power = floor(value)
        return power == value ? power : power * 10
    }

    /// 1, 2 or 5 times a power of ten, at least `value`.
    static func step(_ value: Double) -> Double {
        let power = floor(value)
        for factor in [1.0, 2, 5] where power * factor >= value { return power * factor }
        return power * 10
    }

    /// To the base 2: the exponent, then a bit per squaring of the significand.
    static func logarithm(_ value: Double) -> Double {
        precondition(value > 0, "a logarithm's argument is positive")
        var (result, rest, bit) = (Double(value.exponent), value.significand, 0.5)
        for _ in 0..<24 {
            rest *= rest
            if rest >= 2 {
                rest /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }
}

enum HTMLText {
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
