import ArgumentParser
import EtcdAPI
import LoadGeneration
import Terminal

extension Isolation: ExpressibleByArgument {}
extension STMLocker: ExpressibleByArgument {}

/// What a software transaction does.
struct STMOptions: ParsableArguments {
    @Option(help: "c (read committed), r (repeatable reads), s (serializable), ss (serializable snapshot).")
    var isolation = Isolation.repeatableReads
    @Option(parsing: .unconditional, help: "Different keys.")
    var keys = 1
    @Option(name: .customLong("keys-per-txn"), parsing: .unconditional, help: "Keys of one transaction.")
    var keysPerTxn = 1
    @Option(
        name: .customLong("txn-wr-percent"), parsing: .unconditional,
        help: "How many of 100 transactions write.")
    var txnWritePercent = 50
    @Option(
        name: .customLong("stm-locker"),
        help: "stm (no lock), lock-client (clientv3's mutex) or lock-rpc (the Lock service) around each.")
    var locker = STMLocker.stm

    func validate() throws {
        if keysPerTxn < 1 || keysPerTxn > keys {
            throw ValidationError("--keys-per-txn is between 1 and --keys.")
        }
        if txnWritePercent < 0 || txnWritePercent > 100 {
            throw ValidationError("--txn-wr-percent is between 0 and 100.")
        }
    }

    /// `leases`: those of the clients, where there is a locker.
    func workload(_ values: Values, clients: Int, seed: UInt64, leases: [Int64]) -> STMWorkload {
        STMWorkload(
            isolation: isolation, keys: keys, keysPerTransaction: keysPerTxn, writePercent: txnWritePercent,
            values: values, clients: clients, seed: seed, locker: locker, leases: leases)
    }

    /// The leases the clients' locks hang on: long ones, to be revoked.
    func leases(_ bench: Bench) throws -> [Int64] {
        locker == .stm ? [] : try bench.grantLeases(timeToLive: 3600)
    }
}

struct STMCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stm", abstract: "Software transactions: reads, then a commit that fails on conflicts.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var stm: STMOptions
    @Option(
        name: .customLong("val-size"), parsing: .unconditional, help: "Bytes of a value (default: 8).",
        transform: SizeDistribution.read)
    var valSize = SizeDistribution.fixed(8)

    func run() throws {
        let bench = try Bench(common)
        let leases = try stm.leases(bench)
        let workload = stm.workload(
            Values(size: valSize, seed: common.seed), clients: common.clients, seed: common.seed,
            leases: leases)
        let result = bench.run(workload, pace.plan(clients: common.clients))
        // Also when the report cannot be written; and the report comes first, whatever becomes of the leases.
        defer { bench.revoke(leases) }
        try bench.report(result, notes: ["Conflicts: \(workload.conflicts)"])
    }
}
