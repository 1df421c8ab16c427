import ArgumentParser
import Telemetry
import Terminal
import Transfer

/// etcd's offline tool (spec/etcdctl.md 3 and 4), on data directories of this server and of etcd.
struct Etcdutl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcdutl",
        abstract: "Works on data directories and snapshots, without a running member.",
        subcommands: [
            SnapshotCommand.self, Defrag.self, HashKV.self, Migrate.self, Completion.self, ShowVersion.self,
        ])
}

/// How a result is printed.
enum WriteOut: String, ExpressibleByArgument, CaseIterable {
    case simple, json, fields, table, protobuf
}

/// Flags every command has.
struct CommonOptions: ParsableArguments {
    @Option(name: [.customLong("write-out"), .customShort("w")], help: "simple, json, fields or table.")
    var writeOut: WriteOut = .simple
    /// etcd's tool waits so long for the lock of the file; ours asks once.
    @Option(help: .hidden)
    var timeout: String = "10s"
    @Flag(help: "No progress on standard error.")
    var quiet = false

    /// For a result that is printed in one of the formats. etcd's tool knows protobuf by name and has no
    /// message for its results: its words, its status.
    func format() throws -> WriteOut {
        guard writeOut == .protobuf else { return writeOut }
        report("Error: protobuf not supported as output format")
        throw ExitCode(4)
    }
}

/// Runs `body`, printing a transfer's failure like any other.
func transferring<R>(_ body: () throws(TransferError) -> R) throws -> R {
    do throws(TransferError) { return try body() } catch { throw Failure("\(error)") }
}

/// A table as etcd's tools draw it: names centred, numbers to the right.
func table(_ columns: [(name: String, value: String)]) -> String {
    let widths = columns.map { max($0.name.count, $0.value.count) + 2 }
    let rule = "+" + widths.map { String(repeating: "-", count: $0) }.joined(separator: "+") + "+"
    func centred(_ text: String, _ width: Int) -> String {
        let left = (width - text.count) / 2
        return String(repeating: " ", count: left) + text
            + String(repeating: " ", count: width - text.count - left)
    }
    let names = zip(columns, widths).map { centred($0.name, $1) }.joined(separator: "|")
    let values = zip(columns, widths).map { padded($0.value, $1 - 1) + " " }.joined(separator: "|")
    return [rule, "|\(names)|", rule, "|\(values)|", rule].joined(separator: "\n")
}

struct Completion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Prints the completions of a shell: bash, zsh or fish.")

    @Argument(help: "bash, zsh or fish.")
    var shell: String

    func run() throws {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw ValidationError("shell is bash, zsh or fish.")
        }
        Output.standard().line(Etcdutl.completionScript(for: shell))
    }
}

struct ShowVersion: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    func run() {
        let output = Output.standard()
        output.line("etcdutl version: \(Version.etcd)")
        output.line("API version: \(Version.etcd.split(separator: ".").prefix(2).joined(separator: "."))")
    }
}
