import ArgumentParser
import Inspection
import Terminal

/// Looks into `.snap` files.
struct DumpSnap: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-dump-snap", abstract: "Shows and checks a snapshot; changes nothing.")

    @Option(help: "Lists the live keys with this prefix.")
    var keys: String?
    @Option(help: "Shows every change of this key.")
    var key: String?
    @Flag(help: "Writes every record as a JSON object, one a line.")
    var export = false
    @Flag(help: "No progress on standard error.")
    var quiet = false
    @Argument(help: "A .snap file, or a member's data directory for its newest one.")
    var path: String

    func validate() throws {
        if [keys != nil, key != nil, export].count(where: \.self) > 1 {
            throw ValidationError("Only one of keys, key and export at a time.")
        }
    }

    func run() throws {
        let output = Output.standard()
        defer { output.flush() }
        let dump = try SnapshotDump(path, to: output, isQuiet: quiet)
        if let keys {
            try dump.listKeys(prefix: Array(keys.utf8))
        } else if let key {
            guard try dump.showKey(Array(key.utf8)) else { throw ExitCode(1) }
        } else if export {
            try dump.export()
        } else {
            try dump.describe()
        }
    }
}

launch(DumpSnap.self)
