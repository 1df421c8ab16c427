import LoadGeneration
import Terminal

/// One of the two servers of `compare`, with what its load needs to be there.
struct ComparedSide {
    private let command: CompareCommand
    private let bench: Bench
    private let pid: Int32?
    private let plan: LoadPlan
    /// Of the clients, for lease-keepalive and the locks of stm.
    private let leases: [Int64]
    private let kubernetes: KubernetesLoad?

    init(_ command: CompareCommand, _ bench: Bench, _ pid: Int32?) throws {
        self.command = command
        self.bench = bench
        self.pid = pid
        plan = command.pace.plan(clients: command.common.clients)
        let values = command.keys.values(seed: command.common.seed)
        switch command.load {
        case .leaseKeepalive: leases = try bench.grantLeases()
        case .stm: leases = try command.loads.stm.leases(bench)
        default: leases = []
        }
        kubernetes =
            command.load == .kubernetes ? try KubernetesLoad(bench, command.loads.cluster, values) : nil
        if command.load == .range || command.load == .txnMixed { try writeRange(values) }
    }

    /// The turn of a round.
    func run(_ round: Int, _ title: String) throws -> LoadResult {
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
            ).run(bench, plan, title: title, pids: pid.map { [$0] } ?? [])
            if let complaint = watched.complaint { throw Failure(complaint) }
            return watched.load ?? watched.creation
        case .kubernetes:
            guard let kubernetes else { preconditionFailure("the registry is filled before the load") }
            workload = kubernetes.workload
        }
        return bench.run(workload, plan, title: title, pid: pid)
    }

    /// Takes back what would outlive the program.
    func finish() {
        try? kubernetes?.finish()  // what a server that is gone keeps, the next run names
        if command.load == .stm { bench.revoke(leases) }
    }

    private var folder: [UInt8] { Array("\(command.loads.rangeKey)/".utf8) }

    private var range: RangeOptions {
        let loads = command.loads
        if loads.rangeKeys == 1 { return loads.shape.range(Array(loads.rangeKey.utf8), []) }
        return loads.shape.range(folder, RangeOptions.end(ofPrefix: folder))
    }

    /// Writes the keys that will be read.
    private func writeRange(_ values: Values) throws {
        var values = values
        if command.loads.rangeKeys == 1 {
            try bench.put(Array(command.loads.rangeKey.utf8), Array(values.draw()))
            return
        }
        var keys = KeySpace(seed: command.common.seed)
        keys.size = command.loads.rangeKeys
        keys.isSequential = true
        keys.prefix = folder
        var plan = LoadPlan()
        plan.clients = command.common.clients
        plan.total = Int(clamping: command.loads.rangeKeys)
        let written = bench.run(PutWorkload(keys: keys, values: values), plan, title: "keys")
        if let (status, _) = written.errors.first { throw Failure(status.goText) }
    }
}
