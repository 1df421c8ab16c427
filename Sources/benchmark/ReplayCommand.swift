import ArgumentParser
import LoadGeneration
import Terminal

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Asks again what put --record and its like have written down.")

    @OptionGroup var common: LoadOptions
    @Option(parsing: .unconditional, help: "How much faster than recorded; 0: as fast as possible.")
    var speed = 1.0
    @Argument(help: "The log: lines of microseconds, method path and the message in hexadecimal.")
    var file: String

    func validate() throws {
        if speed == 0 || (0.001...1e6).contains(speed) { return }
        throw ValidationError("--speed is 0, for as fast as possible, or between 0.001 and 1e6.")
    }

    func run() throws {
        let bench = try Bench(common)
        let log = try readLog()
        guard !log.entries.isEmpty else { throw Failure("\(file): no request in it") }
        var plan = LoadPlan()
        plan.clients = common.clients
        plan.total = log.entries.count
        if speed > 0 {
            plan.times = log.entries.map { Int64(min(Double($0.microseconds) * 1000 / speed, Pace.never)) }
        }
        try bench.report(bench.run(ReplayWorkload(log, clients: common.clients), plan))
    }

    private func readLog() throws -> RequestLog {
        let text = try Files.read(file)
        do throws(RequestLog.Problem) { return try RequestLog(text: text) } catch {
            throw Failure("\(file): \(error)")
        }
    }
}
