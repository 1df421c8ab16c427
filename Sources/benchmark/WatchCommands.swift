import ArgumentParser
import LoadGeneration
import Net
import Terminal

/// How many watch over how many streams.
struct WatcherOptions: ParsableArguments {
    @Option(help: "Streams in all.")
    var streams = 10

    func validate() throws {
        if streams < 1 { throw ValidationError("--streams is at least 1.") }
    }

    /// How many of `total` watchers watch each of `keys` keys, taken in turn.
    static func perKey(_ total: Int, keys: Int) -> [Int] {
        (0..<keys).map { total / keys + ($0 < total % keys ? 1 : 0) }
    }
}

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Creates watchers, then writes what they watch.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var watching: WatcherOptions
    @Option(name: [.customLong("watch-per-stream"), .customLong("watchers")], help: "Watchers per stream.")
    var watchPerStream = 100
    @Option(name: .customLong("watched-key-total"), help: "Different keys that are watched.")
    var watchedKeyTotal = 1
    @Option(name: .customLong("put-rate"), help: "Puts per second; 0: as fast as possible.")
    var putRate = 0.0
    @Option(name: .customLong("put-total"), help: "Puts in all.")
    var putTotal = 1000
    @Option(name: .customLong("key-size"), help: "Bytes of a key.")
    var keySize = SizeDistribution.fixed(32)
    @Option(
        name: .customLong("key-space-size"), help: "Different keys that are written; at least the watched.")
    var keySpaceSize: UInt64 = 1
    @Flag(name: .customLong("sequential-keys"), help: "Writes keys in order.")
    var sequentialKeys = false

    func validate() throws {
        if watchPerStream < 1 || watchedKeyTotal < 1 || putTotal < 1 {
            throw ValidationError("--watch-per-stream, --watched-key-total and --put-total are at least 1.")
        }
    }

    func run() throws {
        let bench = try Bench(common)
        let output = Output.standard()
        var keys = KeySpace(seed: common.seed)
        keys.keySize = keySize
        keys.size = max(UInt64(watchedKeyTotal), keySpaceSize)
        keys.isSequential = sequentialKeys
        let (watchers, watched) = try createWatchers(bench, keys)
        defer { watchers.close() }
        output.line("Watch creation summary:")
        output.write(bench.text(watchers.creation))
        output.flush()

        var plan = LoadPlan()
        plan.clients = common.clients
        plan.total = putTotal
        plan.rate = putRate > 0 ? putRate : nil
        let puts = WatchedPutWorkload(
            keys: keys, values: Values(size: .fixed(8), seed: common.seed), watchers: watched,
            clients: common.clients)
        var times = EventTimes()
        watchers.received = { _, count in times.recordGaps(count) }
        let result = bench.run(puts, plan)
        let isWhole = watchers.wait(for: puts.expected)
        output.line("Watch events received summary:")
        output.write(bench.text(result.beside("events", times.latencies, elapsed: times.elapsed)))
        try bench.write(result)
        if !isWhole { throw Failure("\(watchers.events) of \(puts.expected) events came") }
    }

    /// The watchers, and how many watch each key.
    private func createWatchers(_ bench: Bench, _ keys: KeySpace) throws -> (WatchStreams, [Int]) {
        let keys = keys
        let requests = (0..<watchedKeyTotal).map { WatchStreams.request(key: keys.key(UInt64($0))) }
        let total = watching.streams * watchPerStream
        let watchers = WatchStreams(
            bench.session, over: bench.channels, streams: watching.streams, perStream: watchPerStream
        ) { [watchedKeyTotal] in requests[$0 % watchedKeyTotal] }
        let bar = ProgressBar("watchers", total: UInt64(total), unit: .things, isQuiet: common.quiet)
        defer { bar.finish() }
        guard watchers.createAll(progress: { bar.update(UInt64($0)) }) else {
            throw Failure(watchers.creation.errors.first?.key.goText ?? "interrupted")
        }
        return (watchers, WatcherOptions.perKey(total, keys: watchedKeyTotal))
    }
}

struct WatchGetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch-get", abstract: "Reads while watchers are fed with what is past.")

    @OptionGroup var common: LoadOptions
    @Option(help: "Watchers in all.")
    var watchers = 10_000
    @Option(help: "Streams they share.")
    var streams = 1
    @Option(help: "Past events for each.")
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
        let result = bench.run(RangeWorkload(range), plan) { run in
            if watching.events >= expected || !watching.creation.errors.isEmpty { run.drain() }
        }
        Output.standard().line("Get during watch summary:")
        try bench.report(result)
        if watching.events < expected {
            throw Failure("\(watching.events) of \(expected) events came")
        }
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
