import ArgumentParser
import MVCC
import Terminal
import Transfer

struct Defrag: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "defrag", abstract: "Rewrites the database of a stopped member without its free pages.")

    @OptionGroup var common: CommonOptions
    @Option(name: .customLong("data-dir"), help: "The member's data directory.")
    var dataDirectory: String

    func run() throws {
        let (before, after) = try transferring { () throws(TransferError) in
            try OfflineDatabase.defragment(dataDirectory)
        }
        if !common.quiet {
            report("defragmented \(dataDirectory): \(sizeText(before)) to \(sizeText(after))")
        }
        Output.standard().line("Finished defragmenting directory \(dataDirectory)")
    }
}

struct HashKV: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hashkv", abstract: "The hash of the keys at a revision, as `endpoint hashkv` says it.")

    @OptionGroup var common: CommonOptions
    @Option(help: "The revision; the newest if not given.")
    var rev: Int64 = 0
    @Argument(help: "A snapshot, a database or a data directory.")
    var file: String

    func run() throws {
        let format = try common.format()
        let hash = try transferring { () throws(TransferError) in
            let size = try StateSource(path: databasePath(file)).size
            let bar = ProgressBar("reading", total: size, isQuiet: common.quiet)
            defer { bar.finish() }
            return try OfflineDatabase.hashKV(file, revision: rev, progress: bar.update)
        }
        let output = Output.standard()
        switch format {
        case .simple: output.line("\(hash.hash), \(hash.hashRevision), \(hash.compactRevision)")
        case .table:
            output.line(
                table([
                    ("HASH", String(hash.hash)), ("HASH REVISION", String(hash.hashRevision)),
                    ("COMPACT REVISION", String(hash.compactRevision)),
                ]))
        case .json:
            output.line(
                "{\"hash\":\(hash.hash),\"hashRevision\":\(hash.hashRevision),"
                    + "\"compactRevision\":\(hash.compactRevision)}")
        case .fields, .protobuf:
            output.line("\"Hash\" : \(hash.hash)")
            output.line("\"HashRevision\" : \(hash.hashRevision)")
            output.line("\"CompactRevision\" : \(hash.compactRevision)")
        }
    }
}

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Sets the storage version of a stopped member's database.")

    @OptionGroup var common: CommonOptions
    @Option(name: .customLong("data-dir"), help: "The member's data directory.")
    var dataDirectory: String
    @Option(name: .customLong("target-version"), help: "3.5 or 3.6.")
    var targetVersion: String
    @Flag(help: "Also where the log has entries that the target does not know.")
    var force = false

    func validate() throws {
        if ["3.5", "3.6"].contains(targetVersion) == false {
            throw ValidationError(
                "wrong target version format or not supported: \(targetVersion), expected 3.5 or 3.6")
        }
    }

    func run() throws {
        let isChanged = try transferring { () throws(TransferError) in
            try OfflineDatabase.migrate(dataDirectory, to: targetVersion, isForced: force)
        }
        Output.standard().line(
            isChanged
                ? "updated storage version to \(targetVersion).0"
                : "storage version up-to-date: \(targetVersion)")
    }
}
