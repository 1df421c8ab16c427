import ArgumentParser
import Raft
import Server
import Store
import Terminal
import Transfer

struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Looks at, restores and makes snapshots.",
        subcommands: [Status.self, RestoreCommand.self, SaveFromDataDirectory.self, Export.self])
}

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Hash, revision, number of keys and size of a snapshot or database.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "A snapshot of etcd, a .snap file, a database or a data directory.")
    var file: String

    func run() throws {
        let format = try common.format()
        let status = try transferring { () throws(TransferError) in
            let source = try StateSource(path: databasePath(file))
            if let damage = source.firstDamage() { throw TransferError.bolt(damage) }
            let bar = ProgressBar("reading", total: source.size, isQuiet: common.quiet)
            defer { bar.finish() }
            return try StateStatus(of: source, progress: bar.update)
        }
        let output = Output.standard()
        let hash = String(status.hash, radix: 16)
        var columns = [
            ("HASH", hash), ("REVISION", String(status.revision)), ("TOTAL KEYS", String(status.totalKeys)),
            ("TOTAL SIZE", sizeText(status.totalSize)),
        ]
        if let version = status.version { columns.append(("VERSION", version)) }
        switch format {
        case .simple: output.line(columns.map(\.1).joined(separator: ", "))
        case .table: output.line(table(columns.map { (name: $0.0, value: $0.1) }))
        case .json:
            var text = "{\"hash\":\(status.hash),\"revision\":\(status.revision),"
            text += "\"totalKey\":\(status.totalKeys),\"totalSize\":\(status.totalSize)"
            if let version = status.version { text += ",\"version\":\(jsonQuoted(version))" }
            output.line(text + "}")
        case .fields, .protobuf:
            output.line("\"Hash\" : \(status.hash)")
            output.line("\"Revision\" : \(status.revision)")
            output.line("\"Keys\" : \(status.totalKeys)")
            output.line("\"Size\" : \(status.totalSize)")
            if let version = status.version { output.line("\"Version\" : \"\(version)\"") }
        }
    }
}

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Makes a data directory from a snapshot, or from the data directory of a real etcd.")

    @OptionGroup var common: CommonOptions
    @Option(name: .customLong("data-dir"), help: "The directory to make; <name>.etcd if not given.")
    var dataDirectory: String?
    @Option(name: .customLong("wal-dir"), help: "Where the log goes; <data-dir>/member/wal if not given.")
    var walDirectory: String?
    @Option(help: "Name of this member.")
    var name: String = "default"
    @Option(name: .customLong("initial-cluster"), help: "All members: name=URL,….")
    var initialCluster: String?
    @Option(name: .customLong("initial-cluster-token"), help: "Token of the new cluster.")
    var token: String = "etcd-cluster"
    @Option(
        name: .customLong("initial-advertise-peer-urls"), help: "This member's peer URLs, comma separated.")
    var advertised: String = "http://localhost:2380"
    @Flag(name: .customLong("skip-hash-check"), help: "Accepts a file without the digest of `snapshot save`.")
    var skipHashCheck = false
    @Option(name: .customLong("bump-revision"), help: "How much the newest revision is raised.")
    var bumpRevision: Int64?
    @Flag(name: .customLong("mark-compacted"), help: "Marks all revisions up to the raised one as compacted.")
    var markCompacted = false
    @Option(name: .customLong("initial-memory-map-size"), help: .hidden)
    var initialMemoryMapSize: UInt64?
    @Argument(help: "snapshot.db of etcd, a .snap file or database of this server, or a data directory.")
    var source: String

    func validate() throws {
        if (bumpRevision ?? 0) > 0, !markCompacted {
            throw ValidationError("--mark-compacted required if --bump-revision")
        }
        if markCompacted, (bumpRevision ?? 0) <= 0 {
            throw ValidationError("--mark-compacted required --bump-revision to be set")
        }
    }

    func run() throws {
        let (members, local) = try founders()
        var plan = RestorePlan(
            source: source, dataDirectory: dataDirectory ?? "\(name).etcd", members: members, localID: local)
        plan.walDirectory = walDirectory
        plan.skipsHashCheck = skipHashCheck
        plan.bumpRevision = bumpRevision
        let report = try transferring { () throws(TransferError) in
            let size = (try? StateSource(path: databasePath(source)))?.size ?? 0
            let bar = ProgressBar("restoring", total: size, isQuiet: common.quiet)
            defer { bar.finish() }
            return try Restore(plan, progress: bar.update).run()
        }
        if !common.quiet {
            let cluster = String(report.clusterID, radix: 16)
            Terminal.report(
                "restored \(plan.dataDirectory): revision \(report.revision), "
                    + "compacted \(report.compactedRevision), member \(local.hex), cluster \(cluster)"
                    + (report.caughtUp > 0 ? ", \(report.caughtUp) entries from the log" : ""))
        }
    }

    private func founders() throws -> (members: [ClusterMember], localID: MemberID) {
        let cluster = initialCluster ?? "\(name)=http://localhost:2380"
        do throws(InitialCluster.Problem) {
            return try InitialCluster.founders(cluster, name: name, advertised: advertised, token: token)
        } catch {
            throw Failure("\(error)")
        }
    }
}

struct SaveFromDataDirectory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save-from-data-dir",
        abstract: "Makes a snapshot of a data directory, with everything its log has committed.")

    @OptionGroup var common: CommonOptions
    @Option(name: .customLong("data-dir"), help: "Data directory of this server or of a real etcd.")
    var dataDirectory: String
    @Option(name: .customLong("wal-dir"), help: "Where its log is; <data-dir>/member/wal if not given.")
    var walDirectory: String?
    @Argument(help: "The file to make.")
    var file: String

    func run() throws { try export(dataDirectory, wal: walDirectory, to: file, common) }
}

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a state as a snapshot that a real etcd restores.")

    @OptionGroup var common: CommonOptions
    @Option(help: "bbolt.")
    var format: String = "bbolt"
    @Argument(help: "A .snap file, a database, a snapshot or a data directory.")
    var source: String
    @Argument(help: "The file to make.")
    var file: String

    func validate() throws {
        if format != "bbolt" { throw ValidationError("format is bbolt.") }
    }

    func run() throws { try export(source, wal: nil, to: file, common) }
}

private func export(_ source: String, wal: String?, to file: String, _ common: CommonOptions) throws {
    try transferring { () throws(TransferError) in
        let scratch = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        let size = try StateSource(path: databasePath(source)).size
        let reading = ProgressBar("reading", total: size, isQuiet: common.quiet)
        let state = try WorkingState.open(
            source, wal: wal, scratch: scratch.isEmpty ? "/" : scratch, progress: reading.update)
        reading.finish()
        let bar = ProgressBar("writing", total: 2 * size, isQuiet: common.quiet)
        _ = try SnapshotExport.run(state.source, to: file, progress: bar.update)
        bar.finish()
        if state.caughtUp > 0, !common.quiet { report("applied \(state.caughtUp) entries of the log") }
    }
    Output.standard().line("Snapshot saved at \(file)")
}

/// The database of a data directory, or the file itself.
func databasePath(_ path: String) -> String { StateSource.databasePath(path) }
