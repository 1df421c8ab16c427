import ArgumentParser
import Terminal

/// etcd's load generator (spec/tools.md 3), for any etcd.
struct Benchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Measures a server of etcd's API by a load.",
        subcommands: [
            PutCommand.self, RangeCommand.self, TxnPutCommand.self, TxnMixedCommand.self, STMCommand.self,
            LeaseKeepAliveCommand.self, WatchCommand.self, WatchGetCommand.self, WatchLatencyCommand.self,
            CompactionCommand.self, KubernetesCommand.self, MVCCCommand.self, ReplayCommand.self,
            CompareCommand.self,
        ])

    /// Flags that may stand before the command, as in etcd's tool, and take no value.
    private static let switches: Set<String> = [
        "--precise", "--sample", "--target-leader", "--insecure-skip-tls-verify", "--insecure-transport",
        "--no-insecure-transport", "--quiet", "--help", "--version",
    ]

    /// Moves flags that stand before the command behind it: etcd's tool takes the common ones anywhere.
    static func commandFirst(_ arguments: [String]) -> [String] {
        let arguments = arguments.compactMap { TLSOptions.arranged($0) }
        var command = 0
        while command < arguments.count, arguments[command].hasPrefix("-") {
            let takesValue = !arguments[command].contains("=") && !switches.contains(arguments[command])
            command += takesValue ? 2 : 1
        }
        guard command > 0, command < arguments.count else { return arguments }
        return Array(arguments[command...] + arguments[..<command])
    }
}
