import HTTP
import LoadGeneration
import Terminal

/// One of the two servers of `compare`, with what its load needs to be there. What goes wrong names the side.
struct ComparedSide {
    private let command: CompareCommand
    /// The side and its endpoints.
    private let name: String
    private let bench: Bench
    private let pids: [Int32]
    private let plan: LoadPlan
    /// Of the clients, for lease-keepalive and the locks of stm.
    private let leases: [Int64]
    private let kubernetes: KubernetesLoad?

    /// `name`: the flag that names its endpoints, without dashes.
    init(
        _ command: CompareCommand, _ name: String, endpoints: String, pids: [Int32], session: LoadSession
    ) throws {
        self.command = command
        self.name = "\(name) (\(endpoints))"
        self.pids = pids
        for pid in pids { try Reporting.check(pid: pid, "--pid-\(name)") }
        plan = command.pace.plan(clients: command.common.clients)
        let values = command.keys.values(seed: command.common.seed)
        (bench, leases, kubernetes) = try Self.naming(self.name) {
            let bench = try Bench(command.common, endpoints: endpoints, session: session)
            if command.load == .range || command.load == .txnMixed {
                try Self.writeRange(command, bench, values)
            }
            return (bench, try Self.leases(command, bench), try Self.kubernetes(command, name, bench, values))
        }
    }

    private static func leases(_ command: CompareCommand, _ bench: Bench) throws -> [Int64] {
        switch command.load {
        case .leaseKeepalive: try bench.grantLeases(timeToLive: 3600)
        case .stm: try command.loads.stm.leases(bench)
        default: []
        }
    }

    private static func kubernetes(
        _ command: CompareCommand, _ name: String, _ bench: Bench, _ values: Values
    ) throws -> KubernetesLoad? {
        guard command.load == .kubernetes else { return nil }
        // A server may be compared with itself.
        var cluster = command.loads.cluster
        cluster.registry += "/\(name)"
        return try KubernetesLoad(bench, cluster, values)
    }

    /// What goes wrong in `body`, with the side in front.
    private static func naming<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw Failure("\(name): \(error)")
        }
    }

    /// The turn of a round; a turn in which nothing succeeds is an error.
    func run(_ round: Int, _ title: String) throws -> LoadResult {
        let result = try Self.naming(name) { try measure(round, title) }
        if result.succeeded == 0, let (status, _) = result.errors.byCount.first {
            throw Failure("\(name): \(result.failed) of \(result.failed) operations failed: \(status.goText)")
        }
        return result
    }

    private func measure(_ round: Int, _ title: String) throws -> LoadResult {
        let seed = command.common.seed &+ UInt64(round)
        let (keys, values) = (command.keys.keys(seed: seed), command.keys.values(seed: seed))
        let (loads, clients) = (command.loads, command.common.clients)
        let workload: any Workload
        switch command.load {
        case .put: workload = PutWorkload(keys: keys, values: values)
        case .range: workload = RangeWorkload(range, loads.shape.form, clients: clients)
        case .txnPut: workload = TxnPutWorkload(keys: keys, values: values, operations: loads.txnOps)
        case .txnMixed:
            workload = TxnMixedWorkload(
                keys: keys, values: values, range: range, ratio: loads.rwRatio, clients: clients, seed: seed)
        case .leaseKeepalive: workload = LeaseKeepAliveWorkload(leases: leases)
        case .stm: workload = loads.stm.workload(values, clients: clients, seed: seed, leases: leases)
        case .watchLatency:
            let watched = try loads.latency.load(
                keySize: command.keys.keySize, values: values, seed: command.common.seed
            ).run(bench, plan, title: title, pids: pids)
            if let complaint = watched.complaint { throw Failure(complaint + firstError(watched.whole)) }
            return watched.load ?? watched.creation
        case .kubernetes:
            guard let kubernetes else { preconditionFailure("the registry is filled before the load") }
            workload = kubernetes.workload
        }
        return bench.run(workload, plan, title: title, pids: pids)
    }

    private func firstError(_ result: LoadResult) -> String {
        result.errors.byCount.first.map { ": \($0.status.goText)" } ?? ""
    }

    /// Takes back what would outlive the program.
    func finish() {
        kubernetes?.finish()
        bench.revoke(leases)
    }

    private static func folder(_ command: CompareCommand) -> [UInt8] {
        Array("\(command.loads.rangeKey)/".utf8)
    }

    private var range: RangeOptions {
        let loads = command.loads
        if loads.rangeKeys == 1 { return loads.shape.range(Array(loads.rangeKey.utf8), []) }
        let folder = Self.folder(command)
        return loads.shape.range(folder, RangeOptions.end(ofPrefix: folder))
    }

    /// Writes the keys that will be read.
    private static func writeRange(_ command: CompareCommand, _ bench: Bench, _ values: Values) throws {
        var values = values
        if command.loads.rangeKeys == 1 {
            try bench.put(Array(command.loads.rangeKey.utf8), Array(values.draw()))
            return
        }
        var keys = KeySpace(seed: command.common.seed)
        keys.size = command.loads.rangeKeys
        keys.isSequential = true
        keys.prefix = folder(command)
        var plan = LoadPlan()
        plan.clients = command.common.clients
        plan.total = Int(clamping: command.loads.rangeKeys)
        let written = bench.run(PutWorkload(keys: keys, values: values), plan, title: "keys")
        if let (status, _) = written.errors.byCount.first { throw Failure(status.goText) }
    }
}
