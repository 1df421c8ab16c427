import CPlatform
import Glibc

/// Shows on standard error how far a long piece of work is: bytes or a number of things, rate, time left.
///
/// On a terminal one line, redrawn ten times a second at most; elsewhere a line every five seconds and one at
/// the end; nothing with `isQuiet`. Work that took less than half a second says nothing on a terminal.
package final class ProgressBar {
    private let title: String
    private let total: UInt64
    private let unit: Unit
    private let isQuiet: Bool
    private let isTerminal: Bool
    /// The time in nanoseconds, and where text goes; tests bring their own.
    private let clock: () -> Int64
    private let emit: (String) -> Void
    private var began: Int64
    /// What is expected to be over at that time of the clock.
    private var end: Int64?
    /// What is done now, where that is not yet the work.
    private var prelude: String?
    private var note = ""
    private var shown: Int64
    private var hasDrawn = false
    private var done: UInt64 = 0

    private static let width = 24

    /// What is counted.
    package enum Unit { case bytes, things }

    /// `total`: what is expected; 0 when nobody knows.
    package convenience init(_ title: String, total: UInt64, unit: Unit = .bytes, isQuiet: Bool) {
        self.init(
            title, total: total, unit: unit, isQuiet: isQuiet, isTerminal: isatty(2) == 1,
            clock: platform_monotonic_ns, emit: writeError)
    }

    init(
        _ title: String, total: UInt64, unit: Unit = .bytes, isQuiet: Bool, isTerminal: Bool,
        clock: @escaping () -> Int64, emit: @escaping (String) -> Void
    ) {
        self.title = title
        self.unit = unit
        self.total = total
        self.isQuiet = isQuiet
        self.isTerminal = isTerminal
        self.clock = clock
        self.emit = emit
        began = clock()
        shown = began
    }

    /// Begins anew: time and rate count from here. `lasting`: how long it takes, if that is known;
    /// `prelude`: what it is, where nothing of the work itself is done yet.
    package func restart(lasting duration: Duration? = nil, prelude: String? = nil) {
        began = clock()
        shown = began  // a rate over less than the first pause would mean nothing
        end = duration.map { began + Int64(min($0 / .nanoseconds(1), 4e18)) }
        self.prelude = prelude
    }

    /// `done` in all are done, and `note` is shown behind everything else.
    package func update(_ done: UInt64, note: String) {
        self.note = note
        update(done)
    }

    /// `done` in all are done.
    package func update(_ done: UInt64) {
        self.done = done
        if isQuiet { return }
        let now = clock()
        guard now - shown >= (isTerminal ? 100_000_000 : 5_000_000_000) else { return }
        shown = now
        if isTerminal {
            hasDrawn = true
            emit("\r" + bar(now) + "\u{1b}[K")
        } else {
            emit("\(title): \(progress(now))\n")
        }
    }

    /// The work is over.
    package func finish() {
        if isQuiet { return }
        let now = clock()
        if isTerminal {
            if hasDrawn { emit("\r\u{1b}[K") }
        } else if now - began >= 500_000_000 {
            emit("\(title): \(amount(done)) in \(tenths(now - began)) s, \(rate(now))\n")
        }
    }

    private func bar(_ now: Int64) -> String {
        let filled = Int(share(now) * Double(Self.width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        return "\(title) [\(bar)] \(progress(now))"
    }

    /// How much of the work is done, or of its time is over: what is further, because the first ends it.
    private func share(_ now: Int64) -> Double {
        let ofWork = total == 0 || prelude != nil ? 0 : Double(min(done, total)) / Double(total)
        guard let end else { return ofWork }
        return max(ofWork, min(1, Double(now - began) / Double(max(end - began, 1))))
    }

    private func progress(_ now: Int64) -> String {
        var text: String
        if let prelude {
            text = prelude
        } else {
            text = amount(done)
            if total > 0 { text += " of \(amount(total)), \(min(done, total) * 100 / total) %" }
            text += ", \(rate(now))"
        }
        if let left = nanosecondsLeft(now) { text += ", \(tenths(left)) s left" }
        return note.isEmpty ? text : text + ", \(note)"
    }

    private func nanosecondsLeft(_ now: Int64) -> Int64? {
        var left = end.flatMap { $0 > now ? $0 - now : nil }
        if prelude == nil, total > done, done > 0 {
            let work = Int64(min(Double(now - began) * Double(total - done) / Double(done), 1e18))
            left = min(left ?? work, work)
        }
        return left
    }

    private func amount(_ count: UInt64) -> String { unit == .bytes ? sizeText(count) : "\(count)" }

    private func rate(_ now: Int64) -> String {
        let seconds = Double(max(now - began, 1)) / 1e9
        return amount(UInt64(Double(done) / seconds)) + "/s"
    }
}

/// Seconds with one digit behind the point.
private func tenths(_ nanoseconds: Int64) -> String {
    let tenths = (nanoseconds + 50_000_000) / 100_000_000
    return "\(tenths / 10).\(tenths % 10)"
}
