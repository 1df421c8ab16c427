import ArgumentParser
import LoadGeneration
import Terminal

/// Which keys and values are written.
struct KeyOptions: ParsableArguments {
    @Option(
        name: .customLong("key-size"), parsing: .unconditional,
        help: "Bytes of a key: N, uniform:A-B, exponential:MEAN, list:AxW,… (default: 8).",
        transform: SizeDistribution.read)
    var keySize = SizeDistribution.fixed(8)
    @Option(
        name: .customLong("val-size"), parsing: .unconditional,
        help: "Bytes of a value, like --key-size (default: 8).", transform: SizeDistribution.read)
    var valSize = SizeDistribution.fixed(8)
    @Option(
        name: .customLong("key-space-size"), parsing: .unconditional, help: "Different keys (default: 1).",
        transform: KeyOptions.readCount)
    var keySpaceSize: UInt64 = 1
    @Flag(name: .customLong("sequential-keys"), help: "Keys in order instead of by chance.")
    var sequentialKeys = false
    @Option(help: "What keys begin with.")
    var prefix = ""

    func validate() throws {
        if keySize == .fixed(0) { throw ValidationError("--key-size is at least 1: etcd has no empty key.") }
    }

    private static func readCount(_ text: String) throws -> UInt64 {
        guard let count = UInt64(text), count >= 1, count <= 1 << 62 else {
            throw ValidationError("keys are counted from 1 to 2^62")
        }
        return count
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
    @Option(
        name: .customLong("compact-interval"), parsing: .unconditional,
        help: "How often to compact meanwhile; 0: never.", transform: DurationArgument.read)
    var compactInterval: DurationArgument?
    @Option(
        name: .customLong("compact-index-delta"), parsing: .unconditional,
        help: "Revisions that those compactions keep.")
    var compactIndexDelta: Int64 = 1000
    @Flag(name: .customLong("check-hashkv"), help: "Asks every endpoint for the hash of its keys at the end.")
    var checkHashKV = false

    func validate() throws {
        if compactIndexDelta < 0 { throw ValidationError("--compact-index-delta is at least 0.") }
    }

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
