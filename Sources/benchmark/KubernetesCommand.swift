import ArgumentParser
import EtcdAPI
import EtcdClient
import FoundationEssentials
import LoadGeneration
import Terminal

/// The cluster whose apiserver asks.
struct KubernetesOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Pods in the registry.")
    var pods = 1000
    @Option(parsing: .unconditional, help: "Nodes, each with a lease object.")
    var nodes = 100
    @Option(name: .customLong("page-size"), parsing: .unconditional, help: "Most objects per page of a list.")
    var pageSize: Int64 = 500
    @Option(parsing: .unconditional, help: "Watchers of all pods, from the revision the load begins at.")
    var watchers = 10
    @Option(help: "What all keys begin with. There must be none yet, and they are deleted afterwards.")
    var registry = "/benchmark/registry"

    func validate() throws {
        if pods < 1 || nodes < 1 { throw ValidationError("--pods and --nodes are at least 1.") }
        if pageSize < 1 { throw ValidationError("--page-size is at least 1.") }
        if watchers < 0 { throw ValidationError("--watchers is not negative.") }
        if registry.isEmpty {
            throw ValidationError("--registry is not empty: everything there is would be deleted.")
        }
    }
}

/// A registry that is filled and watched, ready for its load.
struct KubernetesLoad {
    let workload: KubernetesWorkload
    private let watching: WatchStreams?
    private let bench: Bench
    private let registry: KubernetesRegistry

    /// Writes every object once, then creates the watchers. Where that fails what was written is deleted.
    init(_ bench: Bench, _ options: KubernetesOptions, _ values: Values) throws {
        let registry = KubernetesRegistry(prefix: options.registry, pods: options.pods, nodes: options.nodes)
        try Self.refuseKeys(bench, registry, options.registry)
        do {
            let fill = try Self.filled(bench, registry, values)
            workload = KubernetesWorkload(
                registry, revisions: fill.revisions, pageSize: options.pageSize, values: values,
                clients: bench.options.clients, seed: bench.options.seed)
            watching = try Self.watchers(options.watchers, bench, registry, after: fill.revisions.max() ?? 0)
        } catch {
            Self.deleteAll(bench, registry)
            throw error
        }
        self.bench = bench
        self.registry = registry
    }

    /// Events that came so far.
    var events: Int { watching?.events ?? 0 }

    /// Ends the watchers and deletes what was written; says so where it cannot.
    func finish() {
        watching?.close()
        Self.deleteAll(bench, registry)
    }

    /// Leftovers would be listed too, and the results of two servers could not be compared.
    private static func refuseKeys(
        _ bench: Bench, _ registry: KubernetesRegistry, _ prefix: String
    ) throws {
        var request = RangeRequest()
        request.key = Data(registry.prefix)
        request.rangeEnd = Data(RangeOptions.end(ofPrefix: registry.prefix))
        request.countOnly = true
        let there: RangeResponse = try bench.ask(.range, request)
        if there.count == 0 { return }
        throw Failure(
            "\(there.count) keys are there already, left by a run that was killed or somebody's: delete them "
                + "(etcdctl del --prefix \(prefix)) or choose another --registry")
    }

    private static func deleteAll(_ bench: Bench, _ registry: KubernetesRegistry) {
        var request = DeleteRangeRequest()
        request.key = Data(registry.prefix)
        request.rangeEnd = Data(RangeOptions.end(ofPrefix: registry.prefix))
        do {
            let _: DeleteRangeResponse = try bench.ask(.deleteRange, request)
        } catch {
            let prefix = String(decoding: registry.prefix, as: UTF8.self)
            Terminal.report("benchmark: the keys under \(prefix) are left there: \(error)")
        }
    }

    private static func filled(
        _ bench: Bench, _ registry: KubernetesRegistry, _ values: Values
    ) throws -> KubernetesFill {
        var plan = LoadPlan()
        plan.clients = bench.options.clients
        plan.total = registry.count
        let fill = KubernetesFill(registry, values: values, clients: bench.options.clients)
        let filled = bench.run(fill, plan, title: "registry")
        if let (status, _) = filled.errors.byCount.first { throw Failure(status.goText) }
        if filled.isInterrupted { throw Failure("interrupted before the load began") }
        return fill
    }

    private static func watchers(
        _ count: Int, _ bench: Bench, _ registry: KubernetesRegistry, after revision: Int64
    ) throws -> WatchStreams? {
        if count == 0 { return nil }
        let request = WatchStreams.request(
            key: registry.podPrefix, end: RangeOptions.end(ofPrefix: registry.podPrefix), from: revision + 1,
            previous: true)
        let watching = WatchStreams(
            bench.session, over: bench.channels, streams: count, perStream: 1
        ) { _ in request }
        if watching.createAll() { return watching }
        watching.close()
        let reason = watching.creation.errors.byCount.first.map { ": \($0.status.goText)" } ?? ""
        throw Failure(Interruption.hasCome ? "interrupted" : "the watchers could not be created\(reason)")
    }
}

struct KubernetesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubernetes",
        abstract: "What an apiserver asks: pages of lists, optimistic transactions, lease renewals, watches.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var cluster: KubernetesOptions
    @Option(
        name: .customLong("val-size"), parsing: .unconditional,
        help: "Bytes of an object (default: exponential:1500).", transform: SizeDistribution.read)
    var valSize = SizeDistribution.exponential(mean: 1500)

    func run() throws {
        let bench = try Bench(common)
        let load = try KubernetesLoad(bench, cluster, Values(size: valSize, seed: common.seed))
        defer { load.finish() }
        let result = bench.run(load.workload, pace.plan(clients: common.clients))
        try bench.report(
            result,
            notes: [
                "Conflicts: \(load.workload.conflicts)",
                "Events received by \(cluster.watchers) watchers: \(load.events)",
            ])
    }
}
