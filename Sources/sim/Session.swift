import ArgumentParser
import Glibc
import Simulation

/// Runs seeds one after the other, says how it goes, and stops at the first that fails.
struct Session {
    private let deadline: Double?
    private let began = Stopwatch.now()
    private var runs = 0
    private var events = 0
    private var simulated: UInt64 = 0
    private var saidAt = 0.0

    /// `deadline`: on the stopwatch; nil: no end but that of the seeds.
    init(deadline: Double?) { self.deadline = deadline }

    /// Throws `ExitCode.failure` when a run fails.
    mutating func run(_ seeds: SeedRange, traces: Bool, isSingle: Bool) throws {
        var seed = seeds.first
        while true {
            CrashReport.seed(seed)
            let report = try Runs.run(seed: seed, trace: traces ? { print($0) } : nil)
            count(report)
            if isSingle || report.violation != nil { print(report.text) }
            if let violation = report.violation {
                print("seed \(seed) FAILS: \(violation)")
                print("again: sim --seed \(seed) --trace")
                throw ExitCode.failure
            }
            if seed == seeds.last || isOver { break }
            seed += 1
            sayProgress(seed)
        }
        if !isSingle { print("\(summary): no failure") }
    }

    private var isOver: Bool { deadline.map { Stopwatch.now() >= $0 } ?? false }

    private mutating func count(_ report: RunReport) {
        runs += 1
        events += report.events
        simulated += report.simulatedMicroseconds
    }

    private var summary: String {
        let seconds = Stopwatch.now() - began
        let rate = Int(Double(events) / max(seconds, 0.001))
        return "\(runs) seeds, \(events) events, \(simulated / 1_000_000) simulated s in \(Int(seconds)) s, "
            + "\(rate) events/s"
    }

    private mutating func sayProgress(_ seed: UInt64) {
        let now = Stopwatch.now()
        guard now - saidAt >= 10 else { return }
        saidAt = now
        print("\(summary); next seed \(seed)")
        fflush(nil)
    }
}

/// Seconds that passed outside the simulation.
enum Stopwatch {
    static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
