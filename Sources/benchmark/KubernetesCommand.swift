import ArgumentParser
import LoadGeneration
import Terminal

struct KubernetesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubernetes",
        abstract: "What an apiserver asks: pages of lists, optimistic transactions, lease renewals, watches.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @Option(help: "Pods in the registry.")
    var pods = 1000
    @Option(help: "Nodes, each with a lease object.")
    var nodes = 100
    @Option(name: .customLong("page-size"), help: "Most objects per page of a list.")
    var pageSize: Int64 = 500
    @Option(help: "Watchers of all pods, from the revision the load begins at.")
    var watchers = 10
    @Option(name: .customLong("val-size"), help: "Bytes of an object.")
    var valSize = SizeDistribution.exponential(mean: 1500)

    func validate() throws {
        if pods < 1 || nodes < 1 { throw ValidationError("--pods and --nodes are at least 1.") }
        if pageSize < 1 { throw ValidationError("--page-size is at least 1.") }
        if watchers < 0 { throw ValidationError("--watchers is not negative.") }
    }

    func run() throws {
        let bench = try Bench(common)
        let revisions = try fill(bench)
        let workload = KubernetesWorkload(
            pods: pods, revisions: revisions, pageSize: pageSize,
            values: Values(size: valSize, seed: common.seed), clients: common.clients, seed: common.seed)
        var streams: WatchStreams?
        if watchers > 0 {
            let request = WatchStreams.request(
                key: KubernetesWorkload.podPrefix,
                end: RangeOptions.end(ofPrefix: KubernetesWorkload.podPrefix),
                from: (revisions.max() ?? 0) + 1, previous: true)
            let watching = WatchStreams(
                bench.session, over: bench.channels, streams: watchers, perStream: 1
            ) { _ in request }
            guard watching.createAll() else { throw Failure("the watchers could not be created") }
            streams = watching
        }
        let result = bench.run(workload, pace.plan(clients: common.clients))
        streams?.close()
        try bench.report(
            result,
            notes: [
                "Conflicts: \(workload.conflicts)",
                "Events received by \(watchers) watchers: \(streams?.events ?? 0)",
            ])
    }

    /// Writes every object once; answers the revisions they are at.
    private func fill(_ bench: Bench) throws -> [Int64] {
        var plan = LoadPlan()
        plan.clients = common.clients
        plan.total = pods + nodes
        let fill = KubernetesFill(
            pods: pods, nodes: nodes, values: Values(size: valSize, seed: common.seed),
            clients: common.clients)
        let filled = bench.run(fill, plan, title: "registry")
        if let (status, _) = filled.errors.first { throw Failure(status.goText) }
        if filled.isInterrupted { throw Failure("interrupted before the load began") }
        return fill.revisions
    }
}
