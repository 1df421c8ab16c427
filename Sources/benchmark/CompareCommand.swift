import ArgumentParser
import LoadGeneration
import Terminal

/// The loads two servers can be compared by.
enum ComparedLoad: String, ExpressibleByArgument, CaseIterable {
    case put, range, txnPut = "txn-put", txnMixed = "txn-mixed", leaseKeepalive = "lease-keepalive", stm,
        watchLatency = "watch-latency", kubernetes
}

/// The flags of the loads, beside those of keys, values and pace.
struct ComparedLoadOptions: ParsableArguments {
    @OptionGroup(title: "range, txn-mixed") var shape: RangeShapeOptions
    @Option(name: .customLong("range-key"), help: "The key range and txn-mixed read; it is written first.")
    var rangeKey = "compare"
    @Option(
        name: .customLong("range-keys"),
        help: "More than 1: so many keys below RANGE-KEY/ are written first, and range reads all of them.")
    var rangeKeys: UInt64 = 1
    @Option(name: .customLong("txn-ops"), parsing: .unconditional, help: "Puts per transaction of txn-put.")
    var txnOps = 1
    @Option(name: .customLong("rw-ratio"), parsing: .unconditional, help: "Reads per write of txn-mixed.")
    var rwRatio = 1.0
    @OptionGroup(title: "stm") var stm: STMOptions
    @OptionGroup(title: "watch-latency") var latency: WatchLatencyOptions
    @OptionGroup(title: "kubernetes") var cluster: KubernetesOptions

    func validate() throws {
        if rangeKey.isEmpty { throw ValidationError("--range-key is not empty.") }
        if rangeKeys < 1 { throw ValidationError("--range-keys is at least 1.") }
        if !(rwRatio >= 0 && rwRatio.isFinite) { throw ValidationError("--rw-ratio is not negative.") }
    }
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
    @Option(
        name: .customLong("pid-a"),
        help: "Process of server a, whose CPU and memory are reported; once for each member of a cluster.")
    var pidA: [Int32] = []
    @Option(name: .customLong("pid-b"), help: "Process of server b, alike.")
    var pidB: [Int32] = []
    @Option(
        parsing: .unconditional,
        help: "Rounds; in each both servers have their turn, and who is first changes.")
    var rounds = 5
    @Option(
        help: """
            put, range, txn-put, txn-mixed, lease-keepalive, stm, watch-latency (the events' latencies) or \
            kubernetes; --total and --duration are per turn.
            """)
    var load = ComparedLoad.put
    @OptionGroup var loads: ComparedLoadOptions

    func validate() throws {
        try refuseFlagsOfOneServer()
        if rounds < 1 { throw ValidationError("--rounds is at least 1.") }
        if loads.txnOps < 1 || keys.keySpaceSize < UInt64(loads.txnOps) {
            throw ValidationError("--txn-ops is between 1 and --key-space-size.")
        }
        if load == .watchLatency { try WatchLatencyOptions.validate(keys.valSize) }
        if pidA.isEmpty != pidB.isEmpty {
            throw ValidationError("--pid-a and --pid-b are given together: a ratio needs both.")
        }
    }

    /// Common flags that mean nothing here.
    private func refuseFlagsOfOneServer() throws {
        if !common.pids.isEmpty {
            throw ValidationError(
                "--pid names a process of one server, and compare has two: give --pid-a and --pid-b.")
        }
        if !common.endpointLists.isEmpty {
            throw ValidationError("--endpoints is for one server, and compare has two: give --a and --b.")
        }
        for (flag, path) in [("--csv", common.csv), ("--html", common.html)] where path != nil {
            throw ValidationError(
                "\(flag) is for one load: compare writes every round's figures with --json.")
        }
        if common.record != nil {
            throw ValidationError("--record is for one load: give it to that load's own command.")
        }
    }

    func run() throws {
        let session = try LoadSession()
        var sides: [ComparedSide] = []
        defer { for side in sides { side.finish() } }
        for (name, endpoints, pids) in [("a", a, pidA), ("b", b, pidB)] {
            sides.append(
                try ComparedSide(self, name, endpoints: endpoints, pids: pids, session: session))
        }
        var comparison = Comparison()
        let problem = compare(sides, &comparison)
        comparison.isInterrupted = comparison.a.count < rounds && Interruption.hasCome
        guard !comparison.a.isEmpty else {
            throw problem ?? Failure("interrupted in the first round: nothing was compared")
        }
        try report(comparison)
        if let problem { throw problem }
    }

    /// Runs the rounds; what ended them before their time, unless the program was told to stop.
    private func compare(_ sides: [ComparedSide], _ comparison: inout Comparison) -> (any Error)? {
        for round in 0..<rounds where !Interruption.hasCome {
            var results: [LoadResult?] = [nil, nil]
            for side in round % 2 == 0 ? [0, 1] : [1, 0] where !Interruption.hasCome {
                let title = "round \(round + 1) of \(rounds), \(side == 0 ? "a" : "b")"
                do { results[side] = try sides[side].run(round, title) } catch { return error }
            }
            if let a = results[0], let b = results[1], !a.isInterrupted, !b.isInterrupted {
                comparison.add(a: a, b: b)
            }
        }
        return nil
    }

    private func report(_ comparison: Comparison) throws {
        if common.json != "-" {
            let output = Output.standard()
            output.line("a: \(a)\nb: \(b)\n\(comparison.a.count) of \(rounds) rounds of \(load.rawValue)\n")
            output.write(comparison.text)
            output.flush()
        }
        guard let path = common.json else { return }
        let command = CommandText.shown(Array(CommandLine.arguments.dropFirst()))
        try Files.write(comparison.json(command: "benchmark \(command)", a: a, b: b), to: path)
    }
}
