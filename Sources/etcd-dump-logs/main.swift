import ArgumentParser
import Inspection
import Terminal

/// etcd's tool of that name (spec/tools.md 1), with more ways to look at a log.
struct DumpLogs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-dump-logs",
        abstract: "Shows the entries of a write-ahead log, checks it, or sums it up; changes nothing.",
        usage: "etcd-dump-logs [flags] <data-dir>")

    @Option(name: .customLong("start-snap"), help: "Base name of the .snap file to start from.")
    var startSnap: String?
    @Option(name: .customLong("start-index"), help: "The index to start dumping from, inclusive.")
    var startIndex: UInt64?
    @Option(name: .customLong("end-index"), help: "The index to stop dumping at, exclusive.")
    var endIndex: UInt64 = .max
    @Option(name: .customLong("wal-dir"), help: "Directory of the log; <data-dir>/member/wal if not given.")
    var walDirectory: String?
    @Option(
        name: .customLong("entry-type"),
        help: """
            Types to show, a comma list of ConfigChange, Normal, Request, InternalRaftRequest, IRRRange, \
            IRRPut, IRRDeleteRange, IRRTxn, IRRCompaction, IRRLeaseGrant, IRRLeaseRevoke, IRRLeaseCheckpoint.
            """)
    var entryType: String = EntryTypes.standard
    @Option(
        name: .customLong("stream-decoder"),
        help: "Program that gets one line of hex per entry and answers one line STATUS|DATA.")
    var streamDecoder: String?
    @Flag(help: "One line per record, whatever it is.")
    var raw = false
    @Option(help: "text, or json for one object a line.")
    var format: String = "text"
    @Flag(help: "Goes on with entries as they are written.")
    var follow = false
    @Flag(help: "Checks every checksum, the chain, and the order; names the first bad byte.")
    var verify = false
    @Flag(help: "Segments, ranges, and bytes by kind of request.")
    var summary = false
    @Flag(help: "No progress on standard error.")
    var quiet = false
    @Argument(help: ArgumentHelp("The member's data directory.", valueName: "data-dir"))
    var directories: [String] = []

    func validate() throws {
        if startIndex != nil, startSnap != nil {
            throw ValidationError("start-snap and start-index flags cannot be used together.")
        }
        if raw, streamDecoder != nil || entryType != EntryTypes.standard {
            throw ValidationError("raw cannot be combined with entry-type or stream-decoder.")
        }
        if ["text", "json"].contains(format) == false { throw ValidationError("format is text or json.") }
        if [raw, follow, verify, summary].count(where: \.self) > 1 {
            throw ValidationError("Only one of raw, follow, verify and summary at a time.")
        }
    }

    func run() throws {
        guard directories.count == 1 else {
            throw Failure("Must provide data-dir argument (got [\(directories.joined(separator: " "))])")
        }
        let types = EntryTypes(entryType, complain: report)
        var options = LogDumpOptions(dataDirectory: directories[0], entryTypes: types)
        options.walDirectory = walDirectory
        options.startSnap = startSnap
        options.startIndex = startIndex
        options.endIndex = endIndex
        options.decoder = streamDecoder
        options.isJSON = format == "json"
        options.isQuiet = quiet
        let output = Output.standard()
        defer { output.flush() }
        if verify {
            guard LogVerification(options.wal, to: output, isQuiet: quiet).run() else { throw ExitCode(1) }
        } else if summary {
            guard LogSummary(options.wal, to: output, isQuiet: quiet).run() else { throw ExitCode(1) }
        } else if raw {
            let first = startIndex ?? 0
            let dump = LogRawDump(options.wal, range: first..<max(first, endIndex), to: output)
            guard try dump.run() else { throw ExitCode(1) }
        } else {
            var dump = try LogDump(options, to: output)
            try dump.run(following: follow)
        }
    }
}

launch(DumpLogs.self)
