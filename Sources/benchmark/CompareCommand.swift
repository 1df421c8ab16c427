import ArgumentParser
import LoadGeneration
import Terminal

/// The loads two servers can be compared by.
enum ComparedLoad: String, ExpressibleByArgument, CaseIterable {
    case put, range, txnPut = "txn-put", txnMixed = "txn-mixed", leaseKeepalive = "lease-keepalive"
}

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "One load on two servers by turns, and the ratios of what came of it, with their spread.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var keys: KeyOptions
    @Option(help: "Endpoints of the one server, comma separated.")
    var a: String
    @Option(help: "Endpoints of the other.")
    var b: String
    @Option(name: .customLong("pid-a"), help: "Process of server a, whose CPU and memory are reported.")
    var pidA: Int32?
    @Option(name: .customLong("pid-b"), help: "Process of server b.")
    var pidB: Int32?
    @Option(help: "Rounds; in each both servers have their turn, and who is first changes.")
    var rounds = 5
    @Option(help: "put, range, txn-put, txn-mixed or lease-keepalive; --total and --duration are per turn.")
    var load = ComparedLoad.put
    @Option(help: "l (linearizable) or s (serializable), of range and txn-mixed.")
    var consistency = Consistency.l
    @Option(name: .customLong("range-key"), help: "The key range and txn-mixed read; it is written first.")
    var rangeKey = "compare"
    @Option(name: .customLong("txn-ops"), help: "Puts per transaction of txn-put.")
    var txnOps = 1
    @Option(name: .customLong("rw-ratio"), help: "Reads per write of txn-mixed.")
    var rwRatio = 1.0

    func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds is at least 1.") }
        if rangeKey.isEmpty { throw ValidationError("--range-key is not empty.") }
        if rwRatio < 0 { throw ValidationError("--rw-ratio is not negative.") }
        if txnOps < 1 || keys.keySpaceSize < UInt64(txnOps) {
            throw ValidationError("--txn-ops is between 1 and --key-space-size.")
        }
    }

    func run() throws {
        let session = try LoadSession()
        let benches = try [a, b].map { try Bench(common, endpoints: $0, session: session) }
        let leases = try benches.map { try prepare($0) }
        let plan = pace.plan(clients: common.clients)
        var comparison = Comparison()
        for round in 0..<rounds where !Interruption.hasCome {
            var results: [LoadResult?] = [nil, nil]
            for side in round % 2 == 0 ? [0, 1] : [1, 0] {
                let title = "round \(round + 1) of \(rounds), \(side == 0 ? "a" : "b")"
                results[side] = benches[side].run(
                    workload(round, leases[side]), plan, title: title, pid: side == 0 ? pidA : pidB)
            }
            if let a = results[0], let b = results[1], !a.isInterrupted, !b.isInterrupted {
                comparison.add(a: a, b: b)
            }
        }
        guard !comparison.a.isEmpty else { throw Failure("interrupted in the first round") }
        try report(comparison)
    }

    /// What the load needs to be there: the key that is read, the clients' leases.
    private func prepare(_ bench: Bench) throws -> [Int64] {
        switch load {
        case .put, .txnPut: return []
        case .range, .txnMixed:
            var values = keys.values(seed: common.seed)
            try bench.put(Array(rangeKey.utf8), Array(values.draw()))
            return []
        case .leaseKeepalive: return try bench.grantLeases()
        }
    }

    private func workload(_ round: Int, _ leases: [Int64]) -> any Workload {
        let seed = common.seed &+ UInt64(round)
        var range = RangeOptions()
        range.key = Array(rangeKey.utf8)
        range.isSerializable = consistency == .s
        switch load {
        case .put: return PutWorkload(keys: keys.keys(seed: seed), values: keys.values(seed: seed))
        case .range: return RangeWorkload(range)
        case .txnPut:
            return TxnPutWorkload(
                keys: keys.keys(seed: seed), values: keys.values(seed: seed), operations: txnOps)
        case .txnMixed:
            return TxnMixedWorkload(
                keys: keys.keys(seed: seed), values: keys.values(seed: seed), range: range, ratio: rwRatio,
                clients: common.clients, seed: seed)
        case .leaseKeepalive: return LeaseKeepAliveWorkload(leases: leases)
        }
    }

    private func report(_ comparison: Comparison) throws {
        if common.json != "-" {
            let output = Output.standard()
            output.line("a: \(a)\nb: \(b)\n\(comparison.a.count) rounds of \(load.rawValue)\n")
            output.write(comparison.text)
            output.flush()
        }
        if let path = common.json { try Files.write(comparison.json, to: path) }
    }
}
