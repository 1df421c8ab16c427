import Testing

@testable import Server

/// The text with which the configuration cannot found the cluster, or nil.
private func problem(of cluster: InitialCluster, _ configuration: ServerConfiguration) -> String? {
    do throws(InitialCluster.Problem) {
        try cluster.verify(configuration) { _ in [] }
        return nil
    } catch {
        return error.description
    }
}

@Suite struct ConfigurationDefaultsTests {
    @Test func `nothing given is etcd's defaults`() throws {
        let command = start([])
        let configuration = try #require(command.configuration)
        var expected = ServerConfiguration()
        expected.member.dataDirectory = "default.etcd"
        expected.member.walDirectory = "default.etcd/member/wal"
        expected.storage.quotaBackendBytes = 2 << 30
        expected.storage.batchInterval = .milliseconds(100)
        expected.storage.batchLimit = 10_000
        expected.compaction.batchLimit = 1000
        expected.compaction.sleepInterval = .milliseconds(10)
        expected.diagnostics.watchProgressNotifyInterval = .seconds(600)
        #expect(configuration == expected)
        #expect(configuration.consensus.electionTicks == 10)
        #expect(configuration.cluster.initialCluster == "default=http://localhost:2380")
        #expect(command.warnings.contains { $0.message == "'data-dir' was empty; using default" })
    }

    @Test func `a name of its own names the data directory and the cluster`() throws {
        let configuration = try #require(
            start(["--name=n1", "--initial-advertise-peer-urls=http://10.0.0.1:2380,http://10.0.0.1:2382"])
                .configuration)
        #expect(configuration.member.dataDirectory == "n1.etcd")
        #expect(
            configuration.cluster.initialCluster == "n1=http://10.0.0.1:2380,n1=http://10.0.0.1:2382")
    }

    @Test func `without a name the initial cluster stays as it was and does not match`() throws {
        let configuration = try #require(
            start(["--initial-advertise-peer-urls=http://10.0.0.1:2380"]).configuration)
        let cluster = try InitialCluster.parse(configuration.cluster.initialCluster)
        #expect(
            problem(of: cluster, configuration)
                == "--initial-cluster has default=http://localhost:2380 but missing from "
                + "--initial-advertise-peer-urls=http://10.0.0.1:2380")
    }

    @Test func `listening on all interfaces advertises the default route`() throws {
        let words = ["--name=n1", "--listen-peer-urls=http://0.0.0.0:3380"]
        let configuration = try #require(start(words, defaultHost: "10.1.2.3").configuration)
        #expect(configuration.cluster.advertisePeerURLs.map(\.description) == ["http://10.1.2.3:3380"])
        #expect(configuration.cluster.initialCluster == "n1=http://10.1.2.3:3380")
        let unknown = try #require(start(words).configuration)
        #expect(unknown.cluster.advertisePeerURLs == [.defaultPeer])
    }

    @Test(arguments: [
        ("0", "periodic", ServerConfiguration.AutomaticCompaction.off),
        ("1", "periodic", .periodic(.seconds(3600))),
        ("30m", "periodic", .periodic(.seconds(1800))),
        ("1000", "revision", .revision(1000)),
        ("5us", "revision", .revision(5000)),
        ("-5h", "periodic", .off),
    ])
    func `retention is hours, a duration or revisions`(
        retention: String, mode: String, expected: ServerConfiguration.AutomaticCompaction
    ) {
        let words = ["--auto-compaction-retention=\(retention)", "--auto-compaction-mode=\(mode)"]
        #expect(start(words).configuration?.compaction.automatic == expected)
    }

    @Test func `a negative quota is no quota and zeroes are the defaults`() throws {
        let words = [
            "--quota-backend-bytes=-1", "--snapshot-count=0", "--raft-read-timeout=1s", "--bcrypt-cost=3",
            "--max-snapshots=0",
        ]
        let configuration = try #require(start(words).configuration)
        #expect(configuration.storage.quotaBytes == nil)
        #expect(configuration.consensus.snapshotCount == 100_000)
        #expect(configuration.consensus.readTimeout == .seconds(5))
        #expect(configuration.consensus.snapshotsMax == 0)
        #expect(configuration.security.bcryptCost == 10)
    }

    @Test func `URL lists are trimmed and sorted`() throws {
        let words = [
            "--listen-client-urls", "http://127.0.0.1:9, http://10.0.0.1:2379 ,unix://localhost:5",
            "--advertise-client-urls=http://[::1]:2379",
        ]
        let configuration = try #require(start(words).configuration)
        #expect(
            configuration.listeners.clientURLs.map(\.description)
                == ["http://10.0.0.1:2379", "http://127.0.0.1:9", "unix://localhost:5"])
        let advertised = try #require(configuration.cluster.advertiseClientURLs.first)
        #expect(advertised.host == "::1")
        #expect(advertised.address == "[::1]:2379")
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("::", true), ("::1", true), ("fe80::1%eth0", true), ("1:2:3:4:5:6:7:8", true),
        ("::ffff:1.2.3.4", true), ("1:2:3:4:5:6:7::", true), ("256.0.0.1", false), ("01.2.3.4", false),
        ("1.2.3", false), ("localhost", false), ("1:2:3:4:5:6:7:8:9", false), ("1::2::3", false),
        (":1", false), ("12345::", false), ("", false),
    ])
    func `IP literals are told from names`(text: String, isLiteral: Bool) {
        #expect(IPAddress.isLiteral(text) == isLiteral)
    }

    @Test func `feature gates follow their stage until they are named`() throws {
        var gates = FeatureGates()
        #expect(gates[.fastLeaseKeepAlive] && !gates[.leaseCheckpoint])
        try gates.add("AllAlpha=true,PriorityRequest=false,AllBeta=0")
        #expect(gates[.leaseCheckpoint] && !gates[.priorityRequest] && !gates[.fastLeaseKeepAlive])
    }

    @Test func `a persistent lease checkpoint needs the checkpoint`() {
        #expect(start(["--experimental-enable-lease-checkpoint-persist"]).failure?.exitCode == 1)
        let both = start([
            "--experimental-enable-lease-checkpoint-persist", "--feature-gates=LeaseCheckpoint=true",
        ])
        #expect(both.configuration?.features[.leaseCheckpointPersist] == true)
    }
}

@Suite struct InitialClusterTests {
    private func configuration(name: String, urls: String) throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.member.name = name
        configuration.cluster.advertisePeerURLs = try ListenURL.list(urls)
        return configuration
    }

    @Test func `a name may come once for each of its URLs`() throws {
        let cluster = try InitialCluster.parse("b=http://h:2,a=http://h:1, b=http://h:1")
        #expect(cluster.members.map(\.name) == ["a", "b"])
        #expect(cluster.text == "a=http://h:1,b=http://h:1,b=http://h:2")
    }

    @Test(arguments: [
        ("x=http://h:1", "couldn't find local name \"a\" in the initial cluster configuration"),
        ("", "initial cluster unset and no discovery URL found"),
        (
            "a=http://h:1,a=http://h:2",
            "--initial-cluster has a=http://h:2 but missing from --initial-advertise-peer-urls=http://h:1"
        ),
        ("a=http://h:1,b=http://h:1", "initial cluster a=http://h:1,b=http://h:1 has duplicate url"),
    ])
    func `a cluster this member cannot found is refused`(text: String, message: String) throws {
        let cluster = try InitialCluster.parse(text)
        let configuration = try configuration(name: "a", urls: "http://h:1")
        #expect(problem(of: cluster, configuration) == message)
    }

    @Test func `an advertised URL must be in the cluster`() throws {
        let cluster = try InitialCluster.parse("a=http://h:1")
        let configuration = try configuration(name: "a", urls: "http://h:1,http://h:2")
        let message =
            "--initial-advertise-peer-urls has http://h:2 but missing from --initial-cluster=a=http://h:1"
        #expect(problem(of: cluster, configuration) == message)
    }

    @Test func `two names of one address match`() throws {
        let cluster = try InitialCluster.parse("a=http://node:1")
        let configuration = try configuration(name: "a", urls: "http://127.0.0.1:1")
        try cluster.verify(configuration) { $0 == "node" ? ["127.0.0.1"] : [] }
    }

    @Test func `a malformed URL is named`() {
        #expect(throws: InitialCluster.Problem.self) { try InitialCluster.parse("a=h:1") }
        #expect(throws: InitialCluster.Problem.self) { try InitialCluster.parse("a") }
    }
}
