import ArgumentParser
import LoadGeneration
import Terminal

/// How long events take to reach their watchers: puts of the keys that they watch.
struct WatchLatencyOptions: ParsableArguments {
    @OptionGroup var watching: WatcherOptions
    @Option(name: .customLong("watchers-per-stream"), parsing: .unconditional, help: "Watchers per stream.")
    var watchersPerStream = 10
    @Option(
        name: .customLong("watched-key-total"), parsing: .unconditional,
        help: "Different keys that are watched and written.")
    var watchedKeyTotal = 1
    @Flag(help: "Events carry the pair before the change.")
    var prevkv = false

    func validate() throws {
        if watchersPerStream < 1 || watchedKeyTotal < 1 {
            throw ValidationError("--watchers-per-stream and --watched-key-total are at least 1.")
        }
    }

    func load(keySize: SizeDistribution, values: Values, seed: UInt64) -> WatchedLoad {
        var keys = KeySpace(seed: seed)
        keys.keySize = keySize
        keys.size = UInt64(watchedKeyTotal)
        return WatchedLoad(
            measure: .latencies, streams: watching.streams, perStream: watchersPerStream,
            watchedKeys: watchedKeyTotal, carriesPrevious: prevkv, keys: keys, values: values)
    }

    /// Refuses values that would not hold the time a put was asked at.
    static func validate(_ valSize: SizeDistribution) throws {
        if valSize.smallest < WatchedPutWorkload.valueSizeMin {
            throw ValidationError(
                "--val-size is too small: a value holds the time of its put; make all of them at least "
                    + "\(WatchedPutWorkload.valueSizeMin) bytes.")
        }
    }
}

struct WatchLatencyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch-latency", abstract: "From a put to its events, how long.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var latency: WatchLatencyOptions
    @OptionGroup var puts: WatchedPutOptions
    @Option(
        name: [.customLong("put-rate"), .customLong("rate")], parsing: .unconditional,
        help: "Puts per second.")
    var putRate = 100.0
    @Option(
        name: .customLong("key-size"), parsing: .unconditional, help: "Bytes of the key (default: 32).",
        transform: SizeDistribution.read)
    var keySize = SizeDistribution.fixed(32)
    @Option(
        name: .customLong("val-size"),
        parsing: .unconditional,
        help: "Bytes of a value, at least 8 for the time in it; exponential draws no less (default: 32).",
        transform: SizeDistribution.read)
    var valSize = SizeDistribution.fixed(32)

    func validate() throws {
        if putRate == 0 { throw ValidationError("--put-rate is above 0.") }
        try PaceOptions.validate(putRate, "--put-rate")
        try WatchLatencyOptions.validate(valSize)
    }

    func run() throws {
        let bench = try Bench(common)
        let load = latency.load(
            keySize: keySize, values: Values(size: valSize, seed: common.seed), seed: common.seed)
        let result = try load.run(bench, puts.plan(clients: common.clients, rate: putRate)) {
            if $0.failed > 0 || $0.isInterrupted { bench.show("\nWatch creation summary:", $0) }
        }
        if let puts = result.puts { bench.show("\nPut summary:", puts) }
        if let events = result.events { bench.show("\nWatch events summary:", events) }
        try bench.conclude(result.whole, complaint: result.complaint)
    }
}
