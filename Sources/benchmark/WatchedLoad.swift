import LoadGeneration
import Terminal

/// Watchers of some keys, and then puts that they watch.
struct WatchedLoad {
    enum Measure {
        /// How long after the event before it each event came.
        case gaps
        /// How long after its put was asked for.
        case latencies
    }

    let measure: Measure
    let streams: Int
    let perStream: Int
    let watchedKeys: Int
    var carriesPrevious = false
    /// Those that are written; the first are those that are watched.
    let keys: KeySpace
    let values: Values

    /// Creates the watchers, puts by the plan, and waits for the events. `whenCreated` is told of the
    /// creation before the puts begin.
    func run(
        _ bench: Bench, _ plan: LoadPlan, title: String = "benchmark", pids: [Int32]? = nil,
        whenCreated: (LoadResult) -> Void = { _ in }
    ) throws -> WatchResult {
        let watchers = watchers(bench)
        defer { watchers.close() }
        create(watchers, bench)
        whenCreated(watchers.creation)
        if watchers.creation.isInterrupted || watchers.creation.succeeded == 0 {
            return WatchResult(creation: watchers.creation)
        }
        let workload = WatchedPutWorkload(
            keys: keys, values: values, watchers: watchers.watchers(ofKeys: watchedKeys),
            clients: plan.clients)
        var times = EventTimes()
        switch measure {
        case .gaps: watchers.received = { _, count in times.recordGaps(count) }
        case .latencies: watchers.received = { response, _ in times.recordLatencies(response) }
        }
        let puts = bench.run(workload, plan, title: title, pids: pids)
        watchers.wait(for: workload.expected)
        var events = times.result
        events.isInterrupted = Interruption.hasCome
        return WatchResult(
            creation: watchers.creation, puts: puts, events: events, losses: watchers.losses,
            expected: workload.expected)
    }

    private func watchers(_ bench: Bench) -> WatchStreams {
        let requests = (0..<watchedKeys).map {
            WatchStreams.request(key: keys.key(UInt64($0)), previous: carriesPrevious)
        }
        return WatchStreams(bench.session, over: bench.channels, streams: streams, perStream: perStream) {
            requests[$0 % requests.count]
        }
    }

    private func create(_ watchers: WatchStreams, _ bench: Bench) {
        let bar = ProgressBar(
            "watchers", total: UInt64(streams * perStream), unit: .things, isQuiet: bench.options.quiet)
        defer { bar.finish() }
        watchers.createAll { bar.update(UInt64($0)) }
    }
}
