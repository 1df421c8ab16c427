import Testing

@testable import Server

@Suite struct ConfigurationSourcesTests {
    @Test func `a variable counts where the flag is silent`() {
        let command = start(["--name=a"], environment: ["ETCD_NAME": "a", "ETCD_MAX_WALS": "7"])
        #expect(command.configuration?.member.name == "a")
        #expect(command.configuration?.consensus.walsMax == 7)
    }

    @Test func `the flag wins over its variable and only differences are named, in one warning`() {
        let command = start(
            ["--name=a", "--max-wals=7", "--grpc-keepalive-timeout=1s", "--election-timeout=2000"],
            environment: [
                "ETCD_NAME": "b", "ETCD_MAX_WALS": "0x7", "ETCD_GRPC_KEEPALIVE_TIMEOUT": "1000ms",
                "ETCD_ELECTION_TIMEOUT": "junk",
            ])
        #expect(command.configuration?.member.name == "a")
        let named = command.warnings.filter { $0.message.contains("the flags win") }
        #expect(named.count == 1)
        #expect(named.first?.fields[0].value == "ETCD_ELECTION_TIMEOUT,ETCD_NAME")
    }

    @Test func `the unit file of the install guide gives everything twice and starts quietly`() {
        let values = [
            "NAME": "infra0", "DATA_DIR": "/var/lib/etcd", "LISTEN_PEER_URLS": "http://10.0.0.1:2380",
            "LISTEN_CLIENT_URLS": "http://10.0.0.1:2379,http://127.0.0.1:2379",
            "INITIAL_ADVERTISE_PEER_URLS": "http://10.0.0.1:2380",
            "INITIAL_CLUSTER": "infra0=http://10.0.0.1:2380", "INITIAL_CLUSTER_STATE": "new",
            "INITIAL_CLUSTER_TOKEN": "etcd-cluster-1", "ADVERTISE_CLIENT_URLS": "http://10.0.0.1:2379",
        ]
        let words = values.map { name, value in
            "--" + name.lowercased().split(separator: "_").joined(separator: "-") + "=" + value
        }
        let environment = Dictionary(uniqueKeysWithValues: values.map { ("ETCD_" + $0, $1) })
        let command = start(words, environment: environment)
        #expect(command.configuration == start(words).configuration)
        #expect(command.configuration == start([], environment: environment).configuration)
        #expect(!command.warnings.contains { $0.message.contains("environment") })
    }

    @Test func `a bad variable ends the start with code 1`() {
        let failure = start([], environment: ["ETCD_ELECTION_TIMEOUT": "abc"]).failure
        #expect(failure?.exitCode == 1)
        #expect(failure?.message == "invalid value \"abc\" for ETCD_ELECTION_TIMEOUT: parse error")
    }

    @Test func `an empty variable is not set, an unknown one is warned of`() {
        let command = start(
            [], environment: ["ETCD_NAME": "", "ETCD_NOSUCH": "1", "ETCD_VERSION": "3", "HOME": "/"])
        #expect(command.configuration?.member.name == "default")
        let messages = command.warnings.map(\.message)
        #expect(messages.filter { $0 == "unrecognized environment variable" }.count == 1)
        #expect(messages.contains("cannot set special environment variable"))
    }

    @Test func `a file shuts out flags and variables`() {
        let files = ["/c": "name: filed\nmax-wals: 9\n"]
        let words = ["--config-file=/c", "--name=flagged"]
        let environment = ["ETCD_MAX_WALS": "7", "ETCD_MAX_SNAPSHOTS": "1"]
        let command = start(words, environment: environment, files: files)
        #expect(command.configuration?.member.name == "filed")
        #expect(command.configuration?.consensus.walsMax == 9)
        #expect(command.configuration?.consensus.snapshotsMax == 5)
        let named = start([], environment: ["ETCD_CONFIG_FILE": "/c"], files: files)
        #expect(named.configuration == command.configuration)
    }

    /// Texts recorded from etcd 3.4.23.
    @Test(arguments: [
        (
            "grpc-keepalive-interval: \"10m\"",
            "cannot unmarshal string into Go struct field configYAML.grpc-keepalive-interval "
                + "of type time.Duration"
        ),
        (
            "max-txn-ops: -1",
            "cannot unmarshal number -1 into Go struct field configYAML.max-txn-ops of type uint"
        ),
        (
            "pre-vote: \"yes\"",
            "cannot unmarshal string into Go struct field configYAML.pre-vote of type bool"
        ),
        ("- a", "cannot unmarshal array into Go value of type embed.configYAML"),
    ])
    func `a value of the wrong kind is refused in the words of etcd`(text: String, message: String) {
        let failure = start(["--config-file=/c"], files: ["/c": text]).failure
        #expect(failure?.exitCode == 1)
        #expect(failure?.message == "error unmarshaling JSON: while decoding JSON: json: " + message)
    }

    @Test func `an unreadable, malformed or contradictory file is refused`() {
        #expect(start(["--config-file=/n"]).failure?.message == "open /n: no such file or directory")
        let malformed = start(["--config-file=/c"], files: ["/c": "name: x\n  bad: [\n"]).failure
        #expect(malformed?.message.hasPrefix("error converting YAML to JSON: yaml: line 2:") == true)
        let state = start(["--config-file=/c"], files: ["/c": "initial-cluster-state: foo"]).failure
        #expect(state?.message == "unexpected clusterState \"foo\"")
        let url = start(["--config-file=/c"], files: ["/c": "listen-client-urls: foo"]).failure
        #expect(url?.logTitle == nil)
        #expect(
            url?.message == "unexpected error setting up listen-client-urls: "
                + "URL scheme must be http, https, unix, or unixs: foo\n")
    }

    @Test func `an empty file, a JSON file and unknown keys are taken`() {
        #expect(start(["--config-file=/c"], files: ["/c": ""]).configuration != nil)
        #expect(start(["--config-file=/c"], files: ["/c": "# only a comment\n"]).configuration != nil)
        let json = start(["--config-file=/c"], files: ["/c": "{\"name\": \"j\", \"nosuch\": {\"a\": 1}}"])
        #expect(json.configuration?.member.name == "j")
        #expect(json.warnings.contains { $0.fields.contains { $0.value == "nosuch" } })
    }

    @Test func `keys without a value keep the default`() {
        let text = """
            name: 'default'
            wal-dir:
            discovery:
            cors:
            initial-cluster:
            initial-cluster-state: ''
            proxy: 'off'
            discovery-fallback: 'proxy'
            client-transport-security:
              cert-file:
              auto-tls: false
            log-outputs: [stderr]
            tls-max-version: 'TLS1.3'
            """
        let command = start(["--config-file=/c"], files: ["/c": text])
        #expect(command.configuration?.logs.outputs == ["stderr"])
        #expect(command.configuration?.security.tlsMaxVersion == .tls13)
        #expect(command.configuration?.cluster.initialCluster == "default=http://localhost:2380")
    }

    @Test func `listen-client-urls in a file needs no advertise-client-urls`() {
        let command = start(
            ["--config-file=/c"], files: ["/c": "listen-client-urls: http://127.0.0.1:5"])
        #expect(command.configuration?.cluster.advertiseClientURLs == [.defaultClient])
    }
}
