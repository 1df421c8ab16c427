import ArgumentParser
import LoadGeneration

struct CompactionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compaction", abstract: "Writes, and compacts what was written before, by turns.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var keys: KeyOptions
    @Option(
        name: .customLong("puts-per-compaction"), parsing: .unconditional,
        help: "Puts before each compaction.")
    var putsPerCompaction = 1000
    @Option(
        name: .customLong("compact-index-delta"), parsing: .unconditional, help: "Revisions that are kept.")
    var kept: Int64 = 1000
    @Flag(help: "Waits until the records are gone from the database.")
    var physical = false

    func validate() throws {
        if putsPerCompaction < 1 { throw ValidationError("--puts-per-compaction is at least 1.") }
        if kept < 0 { throw ValidationError("--compact-index-delta is at least 0.") }
    }

    func run() throws {
        let bench = try Bench(common)
        let workload = CompactionWorkload(
            keys: keys.keys(seed: common.seed), values: keys.values(seed: common.seed),
            putsPerCompaction: putsPerCompaction, kept: kept, isPhysical: physical, clients: common.clients)
        try bench.report(bench.run(workload, pace.plan(clients: common.clients)))
    }
}
