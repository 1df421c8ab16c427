import Testing

@testable import Terminal

@Suite struct ProgressBarTests {
    /// A bar whose clock stands still until it is moved, and what it wrote.
    private final class Stage {
        var now: Int64 = 0
        var text = ""

        func bar(total: UInt64, isTerminal: Bool, isQuiet: Bool = false) -> ProgressBar {
            ProgressBar(
                "reading", total: total, isQuiet: isQuiet, isTerminal: isTerminal, clock: { self.now },
                emit: { self.text += $0 })
        }
    }
    private static let second: Int64 = 1_000_000_000

    @Test func `without a terminal there is a line every five seconds and one at the end`() {
        let stage = Stage()
        let bar = stage.bar(total: 100_000_000, isTerminal: false)
        for step: Int64 in 1...12 {
            stage.now = step * Self.second
            bar.update(UInt64(step) * 5_000_000)
        }
        bar.finish()
        #expect(
            stage.text == """
                reading: 25 MB of 100 MB, 25 %, 5.0 MB/s, 15.0 s left
                reading: 50 MB of 100 MB, 50 %, 5.0 MB/s, 10.0 s left
                reading: 60 MB in 12.0 s, 5.0 MB/s

                """)
    }

    @Test func `on a terminal one line is redrawn, at most ten times a second, and wiped at the end`() {
        let stage = Stage()
        let bar = stage.bar(total: 1000, isTerminal: true)
        stage.now = Self.second / 20
        bar.update(10)
        #expect(stage.text.isEmpty)
        stage.now = Self.second / 2
        bar.update(500)
        let half = "\rreading [############............] 500 B of 1.0 kB, 50 %, 1.0 kB/s, 0.5 s left\u{1b}[K"
        #expect(stage.text == half)
        bar.finish()
        #expect(stage.text == half + "\r\u{1b}[K")
    }

    @Test func `more than was expected fills the bar and leaves no time`() {
        let stage = Stage()
        let bar = stage.bar(total: 100, isTerminal: true)
        stage.now = Self.second
        bar.update(250)
        #expect(stage.text == "\rreading [########################] 250 B of 100 B, 100 %, 250 B/s\u{1b}[K")
    }

    @Test func `an unknown total shows bytes and rate alone`() {
        let stage = Stage()
        let bar = stage.bar(total: 0, isTerminal: false)
        stage.now = 5 * Self.second
        bar.update(10_000)
        #expect(stage.text == "reading: 10 kB, 2.0 kB/s\n")
    }

    @Test func `work that lasts a known time fills the bar with it, and says how much is left`() {
        let stage = Stage()
        let bar = stage.bar(total: 0, isTerminal: true)
        bar.restart(lasting: .seconds(1), prelude: "warming up")
        stage.now = Self.second / 2
        bar.update(0)
        let warm = "\rreading [############............] warming up, 0.5 s left\u{1b}[K"
        #expect(stage.text == warm)
        stage.now = Self.second
        bar.restart(lasting: .seconds(4))
        stage.now = 2 * Self.second
        bar.update(10_000, note: "3 errors")
        #expect(
            stage.text == warm
                + "\rreading [######..................] 10 kB, 10 kB/s, 3.0 s left, 3 errors\u{1b}[K")
    }

    @Test(arguments: [true, false])
    func `short work and quiet work say nothing`(isTerminal: Bool) {
        let short = Stage()
        let bar = short.bar(total: 10, isTerminal: isTerminal)
        short.now = Self.second / 100
        bar.update(10)
        bar.finish()
        #expect(short.text.isEmpty)
        let quiet = Stage()
        let silent = quiet.bar(total: 10, isTerminal: isTerminal, isQuiet: true)
        quiet.now = 60 * Self.second
        silent.update(5)
        silent.finish()
        #expect(quiet.text.isEmpty)
    }
}
