import ArgumentParser
import Inspection
import Terminal

/// etcd's tool of that name (spec/tools.md 2), for bbolt files and for this server's.
struct DumpDB: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-dump-db", abstract: "Shows what is in a database; changes nothing.",
        subcommands: [ListBucket.self, IterateBucket.self, ScanKeys.self, Hash.self, Stats.self])
}

struct CommonOptions: ParsableArguments {
    @Option(help: .hidden)
    var timeout: String = "10s"
    @Argument(help: "A database, or a member's data directory.")
    var path: String
}

struct ListBucket: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-bucket", abstract: "The names of the buckets.")
    @OptionGroup var common: CommonOptions

    func run() throws { try DatabaseDump(common.path, to: .standard()).listBuckets() }
}

struct IterateBucket: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iterate-bucket", abstract: "The records of a bucket, from the last to the first.")
    @OptionGroup var common: CommonOptions
    @Argument(help: "Name of the bucket.")
    var bucket: String
    @Option(help: "At most so many records; 0: all.")
    var limit: UInt64 = 0
    @Flag(help: "Shows what keys and values mean.")
    var decode = false

    func run() throws {
        try DatabaseDump(common.path, to: .standard()).iterate(bucket, limit: limit, decoding: decode)
    }
}

struct ScanKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan-keys",
        abstract: "The keys of every page, read without the trees: for damaged files.")
    @OptionGroup var common: CommonOptions
    @Argument(help: "The first main revision to show.")
    var start: Int64 = 0

    func run() throws { try KeyScan(common.path, to: .standard()).run(from: start) }
}

struct Hash: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash", abstract: "The hash of all buckets, as Maintenance.Hash answers.")
    @OptionGroup var common: CommonOptions

    func run() throws { try DatabaseDump(common.path, to: .standard()).hash() }
}

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Pages, free pages, bytes in use, readers; checks a bbolt file.")
    @OptionGroup var common: CommonOptions

    func run() throws {
        let output = Output.standard()
        defer { output.flush() }
        guard try DatabaseDump(common.path, to: output).statistics() else { throw ExitCode(1) }
    }
}

launch(DumpDB.self) { commandFirst($0, global: ["timeout"]) }
