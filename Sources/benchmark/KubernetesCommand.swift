import ArgumentParser
import LoadGeneration
import Terminal

/// The cluster whose apiserver asks.
struct KubernetesOptions: ParsableArguments {
    @Option(help: "Pods in the registry.")
    var pods = 1000
    @Option(help: "Nodes, each with a lease object.")
    var nodes = 100
    @Option(name: .customLong("page-size"), help: "Most objects per page of a list.")
    var pageSize: Int64 = 500
    @Option(help: "Watchers of all pods, from the revision the load begins at.")
    var watchers = 10

    func validate() throws {
        if pods < 1 || nodes < 1 { throw ValidationError("--pods and --nodes are at least 1.") }
        if pageSize < 1 { throw ValidationError("--page-size is at least 1.") }
        if watchers < 0 { throw ValidationError("--watchers is not negative.") }
    }
}

/// A registry that is filled and watched, ready for its load.
struct KubernetesLoad {
    let workload: KubernetesWorkload
    let watching: WatchStreams?

    /// Writes every object once, then creates the watchers.
    init(_ bench: Bench, _ options: KubernetesOptions, _ values: Values) throws {
        let common = bench.options
        var plan = LoadPlan()
        plan.clients = common.clients
        plan.total = options.pods + options.nodes
        let fill = KubernetesFill(
            pods: options.pods, nodes: options.nodes, values: values, clients: common.clients)
        let filled = bench.run(fill, plan, title: "registry")
        if let (status, _) = filled.errors.first { throw Failure(status.goText) }
        if filled.isInterrupted { throw Failure("interrupted before the load began") }
        workload = KubernetesWorkload(
            pods: options.pods, revisions: fill.revisions, pageSize: options.pageSize, values: values,
            clients: common.clients, seed: common.seed)
        guard options.watchers > 0 else {
            watching = nil
            return
        }
        let request = WatchStreams.request(
            key: KubernetesWorkload.podPrefix,
            end: RangeOptions.end(ofPrefix: KubernetesWorkload.podPrefix),
            from: (fill.revisions.max() ?? 0) + 1, previous: true)
        let watching = WatchStreams(
            bench.session, over: bench.channels, streams: options.watchers, perStream: 1
        ) { _ in request }
        guard watching.createAll() else { throw Failure("the watchers could not be created") }
        self.watching = watching
    }
}

struct KubernetesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubernetes",
        abstract: "What an apiserver asks: pages of lists, optimistic transactions, lease renewals, watches.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var cluster: KubernetesOptions
    @Option(name: .customLong("val-size"), help: "Bytes of an object.")
    var valSize = SizeDistribution.exponential(mean: 1500)

    func run() throws {
        let bench = try Bench(common)
        let load = try KubernetesLoad(bench, cluster, Values(size: valSize, seed: common.seed))
        let result = bench.run(load.workload, pace.plan(clients: common.clients))
        load.watching?.close()
        try bench.report(
            result,
            notes: [
                "Conflicts: \(load.workload.conflicts)",
                "Events received by \(cluster.watchers) watchers: \(load.watching?.events ?? 0)",
            ])
    }
}
