import ArgumentParser
import LoadGeneration
import Terminal

/// How long events take to reach their watchers: puts of the keys that they watch.
struct WatchLatencyOptions: ParsableArguments {
    @OptionGroup var watching: WatcherOptions
    @Option(name: .customLong("watchers-per-stream"), help: "Watchers per stream.")
    var watchersPerStream = 10
    @Option(name: .customLong("watched-key-total"), help: "Different keys that are watched and written.")
    var watchedKeyTotal = 1
    @Flag(help: "Events carry the pair before the change.")
    var prevkv = false

    func validate() throws {
        if watchersPerStream < 1 || watchedKeyTotal < 1 {
            throw ValidationError("--watchers-per-stream and --watched-key-total are at least 1.")
        }
    }

    /// Creates the watchers, puts by the plan, and waits for the events: what the puts took, and the events.
    func run(
        _ bench: Bench, _ plan: LoadPlan, keySize: SizeDistribution, values: Values,
        title: String = "benchmark", pid: Int32? = nil
    ) throws -> (puts: LoadResult, events: LoadResult) {
        var keys = KeySpace(seed: bench.options.seed)
        keys.keySize = keySize
        keys.size = UInt64(watchedKeyTotal)
        let requests = (0..<watchedKeyTotal).map {
            WatchStreams.request(key: keys.key(UInt64($0)), previous: prevkv)
        }
        let watchers = WatchStreams(
            bench.session, over: bench.channels, streams: watching.streams, perStream: watchersPerStream
        ) { [watchedKeyTotal] in requests[$0 % watchedKeyTotal] }
        defer { watchers.close() }
        guard watchers.createAll() else {
            throw Failure(watchers.creation.errors.first?.key.goText ?? "interrupted")
        }
        let puts = WatchedPutWorkload(
            keys: keys, values: values,
            watchers: WatcherOptions.perKey(watching.streams * watchersPerStream, keys: watchedKeyTotal),
            clients: plan.clients)
        var times = EventTimes()
        watchers.received = { response, _ in times.recordLatencies(response) }
        let result = bench.run(puts, plan, title: title, pid: pid)
        if !watchers.wait(for: puts.expected), !result.isInterrupted {
            throw Failure("\(watchers.events) of \(puts.expected) events came")
        }
        return (result, result.beside("events", times.latencies, elapsed: times.elapsed))
    }
}

struct WatchLatencyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch-latency", abstract: "From a put to its events, how long.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var latency: WatchLatencyOptions
    @Option(name: [.customLong("put-total"), .customLong("total")], help: "Puts in all.")
    var putTotal = 1000
    @Option(name: [.customLong("put-rate"), .customLong("rate")], help: "Puts per second.")
    var putRate = 100.0
    @Option(name: .customLong("key-size"), help: "Bytes of the key.")
    var keySize = SizeDistribution.fixed(32)
    @Option(name: .customLong("val-size"), help: "Bytes of a value, at least 8 for the time in it.")
    var valSize = SizeDistribution.fixed(32)

    func validate() throws {
        if putTotal < 1 { throw ValidationError("--put-total is at least 1.") }
        if putRate <= 0 { throw ValidationError("--put-rate is above 0.") }
    }

    func run() throws {
        let bench = try Bench(common)
        var plan = LoadPlan()
        plan.clients = common.clients
        plan.total = putTotal
        plan.rate = putRate
        let (puts, events) = try latency.run(
            bench, plan, keySize: keySize, values: Values(size: valSize, seed: common.seed))
        let output = Output.standard()
        output.line("\nPut summary:")
        output.write(bench.text(puts))
        output.line("\nWatch events summary:")
        output.write(bench.text(events))
        try bench.write(puts)
    }
}
