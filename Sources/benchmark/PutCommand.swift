import ArgumentParser
import LoadGeneration
import Terminal

/// Which keys and values are written.
struct KeyOptions: ParsableArguments {
    @Option(
        name: .customLong("key-size"), help: "Bytes of a key: N, uniform:A-B, exponential:MEAN, list:AxW,…")
    var keySize = SizeDistribution.fixed(8)
    @Option(name: .customLong("val-size"), help: "Bytes of a value, like --key-size.")
    var valSize = SizeDistribution.fixed(8)
    @Option(name: .customLong("key-space-size"), help: "Different keys.")
    var keySpaceSize: UInt64 = 1
    @Flag(name: .customLong("sequential-keys"), help: "Keys in order instead of by chance.")
    var sequentialKeys = false
    @Option(help: "What keys begin with.")
    var prefix = ""

    func validate() throws {
        if keySpaceSize < 1 || keySpaceSize > 1 << 62 {
            throw ValidationError("--key-space-size is at least 1.")
        }
    }

    func keys(seed: UInt64) -> KeySpace {
        var keys = KeySpace(seed: seed)
        keys.size = keySpaceSize
        keys.isSequential = sequentialKeys
        keys.keySize = keySize
        keys.prefix = Array(prefix.utf8)
        return keys
    }

    func values(seed: UInt64) -> Values { Values(size: valSize, seed: seed) }
}

struct PutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Writes one key per request.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var keys: KeyOptions
    @Option(name: .customLong("compact-interval"), help: "How often to compact meanwhile; 0: never.")
    var compactInterval: DurationArgument?
    @Option(name: .customLong("compact-index-delta"), help: "Revisions that those compactions keep.")
    var compactIndexDelta: Int64 = 1000
    @Flag(name: .customLong("check-hashkv"), help: "Asks every endpoint for the hash of its keys at the end.")
    var checkHashKV = false

    func run() throws {
        let bench = try Bench(common)
        let workload = PutWorkload(keys: keys.keys(seed: common.seed), values: keys.values(seed: common.seed))
        var compactor: PeriodicCompaction?
        if let interval = compactInterval?.value, interval > .zero {
            compactor = PeriodicCompaction(bench.channels[0], every: interval, keeping: compactIndexDelta)
        }
        try bench.report(bench.run(workload, pace.plan(clients: common.clients)) { _ in compactor?.tick() })
        if checkHashKV { try bench.hashKeys() }
    }
}
