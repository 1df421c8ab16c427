import Testing

@testable import Server

/// The files of conf/ are what the package installs: they must say what they seem to say.
@Suite struct ConfigurationExamplesTests {
    private static let directory =
        #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/conf/"

    private func text(_ name: String) throws -> String {
        try StartInputs.systemFile(Self.directory + name)
    }

    /// systemd's EnvironmentFile, as far as ours use it: comments and NAME="value".
    private func environment(_ name: String) throws -> [String: String] {
        var table: [String: String] = [:]
        for line in try text(name).split(separator: "\n") where !line.hasPrefix("#") {
            let pair = line.split(separator: "=", maxSplits: 1)
            table[String(pair[0])] = String(pair[1].dropFirst().dropLast())
        }
        return table
    }

    /// The flags of ExecStart after systemd joined its lines and filled in the variables.
    private func flags(_ environment: [String: String]) throws -> [String] {
        let unit = try text("etcd.service")
        let joined = unit.split(separator: "\\\n").joined(separator: " ")
        let line = try #require(joined.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
        return try line.split(separator: " ").filter { $0.hasPrefix("--") }.map { word in
            let parts = word.split(separator: "\\\"")
            let variable = parts[1].dropFirst(2).dropLast()
            return String(parts[0]) + (try #require(environment[String(variable)]))
        }
    }

    @Test func `the unit starts the same member from its environment and from its flags`() throws {
        let environment = try environment("etcd.conf")
        #expect(environment.count == 9)
        let flags = try flags(environment)
        #expect(flags.count == 9)
        let both = start(flags, environment: environment)
        #expect(both.configuration == start(flags).configuration)
        #expect(both.configuration == start([], environment: environment).configuration)
        #expect(both.configuration?.member.dataDirectory == "/var/lib/etcd/default.etcd")
        #expect(!both.warnings.contains { $0.message.contains("environment") })
    }

    @Test func `the file says what the environment says`() throws {
        let yaml = try text("etcd.conf.yml")
        let filed = start(["--config-file=/c"], files: ["/c": yaml])
        #expect(!filed.warnings.contains { $0.message.contains("unknown keys") })
        #expect(
            filed.configuration
                == start([], environment: try environment("etcd.conf")).configuration
                .map { configuration in
                    var configuration = configuration
                    configuration.logs.outputs = ["stderr"]
                    return configuration
                })
    }

    @Test func `three nodes agree on their cluster`() throws {
        let nodes = try (1...3).map { number in
            try #require(
                start([], environment: try environment("three-nodes/etcd\(number).conf")).configuration)
        }
        #expect(Set(nodes.map(\.member.name)).count == 3)
        #expect(Set(nodes.map(\.cluster.initialCluster)).count == 1)
        for node in nodes {
            let cluster = try InitialCluster.parse(node.cluster.initialCluster)
            #expect(cluster.members.count == 3)
            try cluster.verify(node) { _ in [] }
        }
    }
}
