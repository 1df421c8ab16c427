import ArgumentParser
import LoadGeneration
import MVCC
import Terminal

struct MVCCCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mvcc", abstract: "The store by itself, without a server.", subcommands: [MVCCPut.self])
}

struct MVCCPut: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Writes into a database of its own, which is removed afterwards.")

    @OptionGroup var common: LoadOptions
    @Option(help: "Writes in all.")
    var total = 100
    @Option(name: .customLong("key-size"), help: "Bytes of a key.")
    var keySize = 64
    @Option(name: .customLong("value-size"), help: "Bytes of a value.")
    var valueSize = 64
    @Flag(help: "Several puts per write (--txn-ops).")
    var txn = false
    @Option(name: .customLong("txn-ops"), help: "Puts per write with --txn.")
    var txnOps = 1
    @Option(name: .customLong("batch-interval"), help: "Milliseconds between two commits to disk.")
    var batchInterval = 100
    @Option(name: .customLong("batch-limit"), help: "Writes between two commits to disk.")
    var batchLimit = 10_000

    func validate() throws {
        if total < 1 || txnOps < 1 || batchLimit < 1 || batchInterval < 0 {
            throw ValidationError("--total, --txn-ops and --batch-limit are at least 1.")
        }
        if keySize < 10 || keySize > 1 << 20 || valueSize < 0 || valueSize > 1 << 20 {
            throw ValidationError("--key-size is at least 10, and neither size above 1 MiB.")
        }
    }

    func run() throws {
        let bench = try Bench(common)
        let directory = try Files.temporaryDirectory()
        defer { Files.remove(directory: directory) }
        var store = EmbeddedStore()
        store.total = total
        store.keySize = keySize
        store.valueSize = valueSize
        store.operations = txn ? txnOps : 1
        store.batchInterval = .milliseconds(batchInterval)
        store.batchLimit = batchLimit
        store.seed = common.seed
        try bench.report(try store.run(in: directory))
    }
}
