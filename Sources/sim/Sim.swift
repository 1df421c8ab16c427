import ArgumentParser
import Glibc
import Simulation

/// Runs the simulated cluster from seeds.
@main
struct Sim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Runs a whole simulated cluster from one seed, or from many until one fails.")

    @Option(help: "The one seed to run.")
    var seed: UInt64?

    @Option(help: "The seeds to run, FROM..TO, both included.")
    var seeds: SeedRange?

    @Option(help: "Runs new seeds for so many hours, or until one fails.")
    var hours: Double?

    @Option(help: "The first seed of --hours.")
    var from: UInt64 = 1

    @Flag(help: "Prints everything that happens.")
    var trace = false

    func run() throws {
        CrashReport.install()
        let seeds = SeedRange(
            first: seed ?? self.seeds?.first ?? from, last: seed ?? self.seeds?.last ?? .max)
        var session = Session(deadline: hours.map { Stopwatch.now() + $0 * 3600 })
        try session.run(seeds, traces: trace, isSingle: seed != nil)
    }
}

/// `FROM..TO`.
struct SeedRange: ExpressibleByArgument {
    let first: UInt64
    let last: UInt64

    init(first: UInt64, last: UInt64) {
        self.first = first
        self.last = last
    }

    init?(argument: String) {
        let parts = argument.split(separator: ".", omittingEmptySubsequences: true)
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]), first <= last
        else {
            return nil
        }
        self.init(first: first, last: last)
    }
}
