import ArgumentParser
import LoadGeneration
import Net
import Terminal

/// How many watch over how many streams.
struct WatcherOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Streams in all.")
    var streams = 10

    func validate() throws {
        if streams < 1 { throw ValidationError("--streams is at least 1.") }
    }
}

/// How many puts, and how long.
struct WatchedPutOptions: ParsableArguments {
    @Option(
        name: [.customLong("put-total"), .customLong("total")],
        help: "Puts in all (1000, or without end while --duration lasts).")
    var putTotal: Int?
    @Option(
        parsing: .unconditional, help: "How long to put, in place of --put-total.",
        transform: DurationArgument.read)
    var duration: DurationArgument?

    func validate() throws {
        if let putTotal, putTotal < 1 { throw ValidationError("--put-total is at least 1.") }
        if let duration, duration.value == .zero { throw ValidationError("--duration is longer than 0.") }
    }

    func plan(clients: Int, rate: Double?) -> LoadPlan {
        var plan = LoadPlan()
        plan.clients = clients
        plan.total = putTotal ?? (duration == nil ? 1000 : nil)
        plan.duration = duration?.value
        plan.rate = rate
        return plan
    }
}

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Creates watchers, then writes what they watch.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var watching: WatcherOptions
    @Option(
        name: [.customLong("watch-per-stream"), .customLong("watchers")], parsing: .unconditional,
        help: "Watchers per stream.")
    var watchPerStream = 100
    @Option(
        name: .customLong("watched-key-total"), parsing: .unconditional,
        help: "Different keys that are watched.")
    var watchedKeyTotal = 1
    @Option(
        name: .customLong("put-rate"), parsing: .unconditional,
        help: "Puts per second; 0: as fast as possible.")
    var putRate = 0.0
    @OptionGroup var puts: WatchedPutOptions
    @Option(
        name: .customLong("key-size"), parsing: .unconditional, help: "Bytes of a key (default: 32).",
        transform: SizeDistribution.read)
    var keySize = SizeDistribution.fixed(32)
    @Option(
        name: .customLong("key-space-size"),
        help: "Different keys that are written; at least the watched, which it is if it is not given.")
    var keySpaceSize: UInt64?
    @Flag(name: .customLong("sequential-keys"), help: "Writes keys in order.")
    var sequentialKeys = false

    func validate() throws {
        if watchPerStream < 1 || watchedKeyTotal < 1 {
            throw ValidationError("--watch-per-stream and --watched-key-total are at least 1.")
        }
        try PaceOptions.validate(putRate, "--put-rate")
        if let keySpaceSize, keySpaceSize < UInt64(watchedKeyTotal) {
            throw ValidationError(
                "--key-space-size \(keySpaceSize) is less than --watched-key-total \(watchedKeyTotal): "
                    + "raise it, or leave it out.")
        }
    }

    func run() throws {
        let bench = try Bench(common)
        var keys = KeySpace(seed: common.seed)
        keys.keySize = keySize
        keys.size = keySpaceSize ?? UInt64(watchedKeyTotal)
        keys.isSequential = sequentialKeys
        let load = WatchedLoad(
            measure: .gaps, streams: watching.streams, perStream: watchPerStream,
            watchedKeys: watchedKeyTotal, keys: keys, values: Values(size: .fixed(8), seed: common.seed))
        let result = try load.run(
            bench, puts.plan(clients: common.clients, rate: putRate > 0 ? putRate : nil)
        ) { bench.show("Watch creation summary:", $0) }
        if let events = result.load { bench.show("Watch events received summary:", events) }
        try bench.conclude(result.whole, complaint: result.complaint)
    }
}

struct WatchGetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch-get", abstract: "Reads while watchers are fed with what is past.")

    @OptionGroup var common: LoadOptions
    @Option(help: "Watchers in all.")
    var watchers = 10_000
    @Option(parsing: .unconditional, help: "Streams they share.")
    var streams = 1
    @Option(parsing: .unconditional, help: "Past events for each.")
    var events = 8

    func validate() throws {
        if watchers < 1 || streams < 1 || events < 1 || watchers < streams {
            throw ValidationError(
                "--watchers, --streams and --events are at least 1, and no stream is empty.")
        }
    }

    func run() throws {
        let bench = try Bench(common)
        let first = try putEvents(bench)
        let request = WatchStreams.request(key: Self.key, from: first)
        let watching = WatchStreams(
            bench.session, over: bench.channels, streams: streams, perStream: watchers / streams
        ) { _ in request }
        defer { watching.close() }
        var range = RangeOptions()
        range.key = Self.key
        range.isSerializable = true
        var plan = LoadPlan()
        plan.clients = common.clients
        plan.duration = .seconds(600)
        let expected = watchers / streams * streams * events
        watching.begin()
        var result = bench.run(RangeWorkload(range), plan) { run in
            if watching.events >= expected || watching.isVain { run.drain() }
        }
        result.addErrors(watching.creation.errors)
        result.addErrors(watching.losses)
        bench.show("Get during watch summary:", result)
        try bench.conclude(result, complaint: complaint(result, watching.events, expected))
    }

    /// Why what was to be measured did not happen; nil where it did, or the program was told to stop before.
    private func complaint(_ result: LoadResult, _ events: Int, _ expected: Int) -> String? {
        if result.succeeded == 0, result.failed > 0 { return "no get succeeded" }
        return events >= expected || result.isInterrupted ? nil : "\(events) of \(expected) events came"
    }

    private static let key = Array("watchkey".utf8)

    /// Writes the events that are then past; answers the revision of the first.
    private func putEvents(_ bench: Bench) throws -> Int64 {
        var first: Int64 = 0
        for _ in 0..<events {
            let revision = try bench.put(Self.key, [1])
            if first == 0 { first = revision }
        }
        return first
    }
}
