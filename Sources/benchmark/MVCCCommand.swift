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
    @Option(parsing: .unconditional, help: "Writes in all.")
    var total = 100
    @Option(name: .customLong("key-size"), parsing: .unconditional, help: "Bytes of a key.")
    var keySize = 64
    @Option(name: .customLong("value-size"), parsing: .unconditional, help: "Bytes of a value.")
    var valueSize = 64
    @Flag(help: "Several puts per write (--txn-ops).")
    var txn = false
    @Option(name: .customLong("txn-ops"), parsing: .unconditional, help: "Puts per write with --txn.")
    var txnOps = 1
    @Option(
        name: .customLong("batch-interval"), parsing: .unconditional,
        help: "Milliseconds between two commits to disk.")
    var batchInterval = 100
    @Option(
        name: .customLong("batch-limit"), parsing: .unconditional,
        help: "Writes between two commits to disk.")
    var batchLimit = 10_000

    func validate() throws {
        for (name, value) in [("total", total), ("txn-ops", txnOps), ("batch-limit", batchLimit)]
        where value < 1 {
            throw ValidationError("--\(name) is at least 1.")
        }
        if common.record != nil {
            throw ValidationError("--record is for requests to a server, and mvcc put makes none.")
        }
        if batchInterval < 0 { throw ValidationError("--batch-interval is at least 0.") }
        if keySize < 10 || keySize > 1 << 20 {
            throw ValidationError("--key-size is between 10 and 1048576 bytes.")
        }
        if valueSize < 0 || valueSize > 1 << 20 {
            throw ValidationError("--value-size is between 0 and 1048576 bytes.")
        }
    }

    func run() throws {
        let reporting = try Reporting(common)
        let bar = ProgressBar("benchmark", total: UInt64(total), unit: .things, isQuiet: common.quiet)
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
        let result = try store.run(in: directory) { bar.update(UInt64($0)) }
        bar.finish()
        try reporting.report(result)
    }
}
