import ArgumentParser
import LoadGeneration

struct TxnPutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "txn-put", abstract: "Writes several keys per transaction.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var keys: KeyOptions
    @Option(name: .customLong("txn-ops"), parsing: .unconditional, help: "Puts per transaction.")
    var txnOps = 1

    func validate() throws {
        if txnOps < 1 { throw ValidationError("--txn-ops is at least 1.") }
        if keys.keySpaceSize < UInt64(txnOps) {
            throw ValidationError(
                "expected --key-space-size(\(keys.keySpaceSize)) >= --txn-ops(\(txnOps))")
        }
    }

    func run() throws {
        let bench = try Bench(common)
        let workload = TxnPutWorkload(
            keys: keys.keys(seed: common.seed), values: keys.values(seed: common.seed), operations: txnOps)
        try bench.report(bench.run(workload, pace.plan(clients: common.clients)))
    }
}

struct TxnMixedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "txn-mixed", abstract: "Transactions of one range or one put each.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var keys: KeyOptions
    @Option(name: .customLong("end-key"), help: "Where ranges end.")
    var endKey = ""
    @Option(parsing: .unconditional, help: "Most keys per range; 0: all.")
    var limit: Int64 = 1000
    @Option(help: "l (linearizable) or s (serializable).")
    var consistency = Consistency.l
    @Option(name: .customLong("rw-ratio"), parsing: .unconditional, help: "Reads per write.")
    var rwRatio = 1.0
    @Argument(help: "The key that is read, or where ranges begin.")
    var key: String
    @Argument(help: "Where ranges end, like --end-key.")
    var end: String?

    func validate() throws {
        if key.isEmpty { throw ValidationError("the key is not empty") }
        if limit < 0 { throw ValidationError("--limit is at least 0, which is all keys.") }
        if !(rwRatio >= 0 && rwRatio.isFinite) { throw ValidationError("--rw-ratio is at least 0.") }
    }

    func run() throws {
        let bench = try Bench(common)
        var range = RangeOptions()
        range.key = Array(key.utf8)
        range.end = Array((end ?? endKey).utf8)
        range.limit = limit
        range.isSerializable = consistency == .s
        let workload = TxnMixedWorkload(
            keys: keys.keys(seed: common.seed), values: keys.values(seed: common.seed), range: range,
            ratio: rwRatio, clients: common.clients, seed: common.seed)
        try bench.report(bench.run(workload, pace.plan(clients: common.clients)))
    }
}
