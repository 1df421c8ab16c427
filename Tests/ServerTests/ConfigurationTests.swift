import Testing

@testable import Server

/// Runs the parser as a process with this command line would.
func start(
    _ words: [String], environment: [String: String] = [:], files: [String: String] = [:],
    defaultHost: String? = nil
) -> StartCommand {
    StartCommand.parse(
        StartInputs(
            arguments: ["etcd"] + words, environment: environment,
            readFile: { path throws(StartInputs.FileError) in
                guard let text = files[path] else { throw StartInputs.FileError(number: 2) }
                return text
            },
            defaultHost: { defaultHost }))
}

extension StartCommand {
    var configuration: ServerConfiguration? {
        if case .run(let configuration, _) = self { configuration } else { nil }
    }

    var notices: [ConfigurationNotice] {
        if case .run(_, let notices) = self { notices } else { [] }
    }

    var failure: ConfigurationFailure? {
        if case .fail(let failure) = self { failure } else { nil }
    }

    var warnings: [ConfigurationNotice] { notices.filter { $0.level == .warning } }
}

@Suite struct ConfigurationTests {
    /// Recorded from etcd 3.4.23: `etcd --logger=zap <words>`, first line of standard error.
    @Test(arguments: [
        ("--nosuch", "flag provided but not defined: -nosuch"),
        ("-nosuch=1", "flag provided but not defined: -nosuch"),
        ("--election-timeout abc", "invalid value \"abc\" for flag -election-timeout: parse error"),
        (
            "--election-timeout 99999999999999999999999",
            "invalid value \"99999999999999999999999\" for flag -election-timeout: value out of range"
        ),
        ("--pre-vote=x", "invalid boolean value \"x\" for -pre-vote: parse error"),
        ("--name", "flag needs an argument: -name"),
        ("---x", "bad flag syntax: ---x"),
        ("--=x", "bad flag syntax: --=x"),
        (
            "--listen-client-urls=127.0.0.1:2379",
            "invalid value \"127.0.0.1:2379\" for flag -listen-client-urls: parse \"127.0.0.1:2379\": "
                + "first path segment in URL cannot contain colon"
        ),
        (
            "--listen-client-urls=localhost:2379",
            "invalid value \"localhost:2379\" for flag -listen-client-urls: "
                + "URL scheme must be http, https, unix, or unixs: localhost:2379"
        ),
        (
            "--listen-client-urls=http://localhost",
            "invalid value \"http://localhost\" for flag -listen-client-urls: "
                + "URL address does not have the form \"host:port\": http://localhost"
        ),
        (
            "--listen-client-urls=http://a:b",
            "invalid value \"http://a:b\" for flag -listen-client-urls: "
                + "parse \"http://a:b\": invalid port \":b\" after host"
        ),
        (
            "--listen-client-urls=http://localhost:1/x",
            "invalid value \"http://localhost:1/x\" for flag -listen-client-urls: "
                + "URL must not contain a path: http://localhost:1/x"
        ),
        ("--initial-cluster-state=x", "invalid value \"x\" for flag -initial-cluster-state: invalid value"),
        (
            "--max-concurrent-streams=x",
            "invalid value \"x\" for flag -max-concurrent-streams: "
                + "strconv.ParseUint: parsing \"x\": invalid syntax"
        ),
        ("--quota-backend-bytes=0x", "invalid value \"0x\" for flag -quota-backend-bytes: parse error"),
        ("--max-txn-ops=0_7x", "invalid value \"0_7x\" for flag -max-txn-ops: parse error"),
        ("--max-txn-ops=-1", "invalid value \"-1\" for flag -max-txn-ops: parse error"),
        ("--grpc-keepalive-interval=5", "invalid value \"5\" for flag -grpc-keepalive-interval: parse error"),
        (
            "--cors=abc",
            "invalid value \"abc\" for flag -cors: URL scheme must be http, https, unix, or unixs: abc"
        ),
        (
            "--feature-gates=Nothing=true",
            "invalid value \"Nothing=true\" for flag -feature-gates: unrecognized feature gate: Nothing"
        ),
    ])
    func `what Go's flag package refuses ends with code 2 and a usage text`(
        line: String, message: String
    ) throws {
        let failure = try #require(start(line.split(separator: " ").map(String.init)).failure)
        #expect(failure.exitCode == 2)
        #expect(failure.logTitle == nil)
        #expect(failure.message == message + "\n" + HelpText.usage)
    }

    /// Texts recorded from etcd 3.4.23 or taken from spec/config.md section 4.
    @Test(arguments: [
        ("word", "'word' is not a valid flag"),
        ("--pre-vote false", "'false' is not a valid flag"),
        (
            "--listen-client-urls=http://foo:1 --advertise-client-urls=http://a:1",
            "expected IP in URL for binding (http://foo:1)"
        ),
        (
            "--listen-client-urls=http://localhost:1",
            "--advertise-client-urls is required when --listen-client-urls is set explicitly"
        ),
        ("--heartbeat-interval=0", "--heartbeat-interval must be >0 (set to 0ms)"),
        ("--election-timeout=0", "--election-timeout must be >0 (set to 0ms)"),
        (
            "--election-timeout=499",
            "--election-timeout[499ms] should be at least as 5 times as --heartbeat-interval[100ms]"
        ),
        (
            "--election-timeout=50001",
            "--election-timeout[50001ms] is too long, and should be set less than 50000ms"
        ),
        ("--auto-compaction-mode=x", "unknown auto-compaction-mode \"x\""),
        (
            "--auto-compaction-retention=1y",
            "error parsing CompactionRetention: time: invalid duration \"1y\""
        ),
        ("--log-outputs=default,stderr", "multi logoutput for \"default\" is not supported yet"),
        ("--logger=foo", "unknown logger option \"foo\""),
        ("--logger=capnslog", "unknown logger option \"capnslog\""),
        ("--log-level=x", "unrecognized level: \"x\""),
        ("--log-format=x", "unknown log format: x, supported values json, console"),
        (
            "--advertise-client-urls=http://:5",
            "--advertise-client-urls \"http://:5\" must be \"host:port\" (unexpected empty host (http://:5))"
        ),
        (
            "--discovery=http://d/1 --initial-cluster=default=http://localhost:2380",
            "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", "
                + "\"discovery-endpoints\" or \"discovery-srv\""
        ),
        ("--compact-hash-check-time=0s", "--compact-hash-check-time must be >0 (set to 0s)"),
        ("--tls-min-version=x", "unexpected TLS version \"x\" (must be one of: TLS1.2, TLS1.3)"),
        ("--cipher-suites=x", "unexpected TLS cipher suite \"x\""),
        (
            "--enable-log-rotation",
            "--log-outputs requires a single file path when --log-rotate-config-json is defined"
        ),
        ("--discovery=http://d/1", "--discovery is not supported by this build"),
        ("--discovery-srv=example.com", "--discovery-srv is not supported by this build"),
        ("--proxy=on", "--proxy is not supported by this build"),
        (
            "--cert-file=/a", "--cert-file is set, but TLS is not supported by this build"
        ),
        ("--peer-auto-tls", "--peer-auto-tls is set, but TLS is not supported by this build"),
        (
            "--listen-peer-urls=https://127.0.0.1:1",
            "--listen-peer-urls has https://127.0.0.1:1, but TLS is not supported by this build"
        ),
    ])
    func `what contradicts itself ends with code 1 and a log line`(line: String, message: String) throws {
        let failure = try #require(start(line.split(separator: " ").map(String.init)).failure)
        #expect(failure.exitCode == 1)
        #expect(failure.logTitle == "failed to verify flags")
        #expect(failure.message == message)
    }

    @Test(arguments: ["gateway", "grpc-proxy"])
    func `the proxies are refused by name`(word: String) throws {
        let failure = try #require(start([word, "start"]).failure)
        #expect(failure.exitCode == 1)
        #expect(failure.message.contains(word))
    }

    @Test(arguments: ["-name", "--name"], ["=", " "])
    func `one dash or two, equals sign or next word`(dashes: String, separator: String) {
        let line = dashes + separator + "infra0"
        let words = separator == "=" ? [line] : line.split(separator: " ").map(String.init)
        #expect(start(words).configuration?.member.name == "infra0")
    }

    @Test func `a repeated flag counts the last time and a boolean never takes the next word`() throws {
        let words = [
            "--name=a", "--pre-vote=f", "--name", "b", "--force-new-cluster", "--strict-reconfig-check=0",
        ]
        let configuration = try #require(start(words).configuration)
        #expect(configuration.member.name == "b")
        #expect(configuration.consensus.preVote == false)
        #expect(configuration.cluster.forceNewCluster)
        #expect(configuration.cluster.strictReconfigCheck == false)
    }

    @Test func `help and version are printed even beside nonsense`() {
        #expect(start(["--name", "x", "-h", "--nosuch"]) == .print(HelpText.full))
        #expect(start(["--help"]) == .print(HelpText.full))
        guard case .print(let text) = start(["--version", "--config-file=/none"]) else {
            Issue.record("no version")
            return
        }
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.count == 4)
        #expect(lines[0] == "etcd Version: 3.5.33")
        #expect(lines[1].hasPrefix("Git SHA: "))
        #expect(lines[2].hasPrefix("Go Version: "))
        #expect(lines[3].hasPrefix("Go OS/Arch: linux/"))
    }

    @Test func `help names every flag with its default`() {
        for flag in FlagTable.groups.flatMap(\.flags) {
            #expect(HelpText.full.contains("  --\(flag.name)"), "\(flag.name)")
        }
        #expect(HelpText.full.contains("--grpc-keepalive-interval '2h0m0s'"))
        #expect(HelpText.full.contains("--listen-client-urls 'http://localhost:2379'"))
    }

    @Test func `an unsupported machine needs the variable that says so`() {
        var inputs = StartInputs(arguments: ["etcd"])
        inputs.architecture = "riscv64"
        #expect(StartCommand.parse(inputs).failure?.exitCode == 1)
        inputs.environment = ["ETCD_UNSUPPORTED_ARCH": "riscv64"]
        #expect(StartCommand.parse(inputs).configuration != nil)
    }

    @Test func `a flag of an old release is dropped with a warning`() {
        let command = start(["--snapshot", "--test.coverprofile=x", "--log-package-levels", "a=b"])
        let ignored = command.warnings.filter { $0.message == "flag is no longer supported - ignoring" }
        #expect(
            ignored.map { $0.fields[0].value } == ["log-package-levels", "snapshot", "test.coverprofile"])
    }

    @Test func `debug of etcd 3_1 is the debug level`() {
        #expect(start(["--debug"]).configuration?.logs.level == "debug")
        #expect(start([], environment: ["ETCD_DEBUG": "true"]).configuration?.logs.level == "debug")
        #expect(start(["--ca-file=/a"]).failure?.message.contains("--client-cert-auth") == true)
    }
}
