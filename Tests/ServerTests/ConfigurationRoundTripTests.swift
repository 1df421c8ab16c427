import Telemetry
import Testing

@testable import Server

@Suite struct ConfigurationRoundTripTests {
    /// A word for the flag that is not its default.
    private func word(for flag: Flag) -> String {
        switch flag.target {
        case .string: "word"
        case .choice(_, let words): words.last ?? ""
        case .boolean(let path): String(!Settings()[keyPath: path])
        case .unsigned, .unsigned32, .integer: "4242"
        case .milliseconds, .seconds: "4000"
        case .duration: "1h2m3.004s"
        case .urls, .urlsOrNone: "http://10.9.8.7:1,http://10.9.8.7:2"
        case .strings: "one,two"
        case .origins: "http://one:1,http://two:2"
        case .features: "LeaseCheckpoint=true"
        case .ignored: "true"
        }
    }

    /// The same value in the form of a file.
    private func fileText(for flag: Flag, _ word: String) -> String {
        var text = ""
        for (depth, key) in flag.fileKeys.enumerated() {
            text += String(repeating: "  ", count: depth) + key + ":"
            text += depth == flag.fileKeys.count - 1 ? " " : "\n"
        }
        switch flag.target {
        case .duration: return text + "3723004000000"
        case .string, .choice, .features: return text + "\"\(word)\""
        case .strings: return text + "[one, two]"
        default: return text + word
        }
    }

    @Test(arguments: FlagTable.all.map(\.name))
    func `flag, variable and file key store the same`(name: String) throws {
        let flag = try #require(FlagTable.byName[name])
        let word = word(for: flag)
        for spelling in flag.names {
            var line = CommandLineReader()
            _ = try line.read(["--\(spelling)=\(word)"])
            #expect(line.positional == nil)
            if !flag.isIgnored { #expect(line.settings != Settings()) }

            // ETCD_VERSION is never a flag's variable.
            if spelling == "version" { continue }
            var variables = CollectedSettings()
            var notices: [ConfigurationNotice] = []
            try EnvironmentReader.read([Flag.variable(spelling): word], into: &variables, &notices)
            #expect(variables.settings == line.settings)
            #expect(notices.map(\.level) == [.info])
        }
        if flag.fileKeys.isEmpty { return }
        var line = CommandLineReader()
        _ = try line.read(["--\(name)", word].suffix(flag.isBoolean ? 0 : 2))
        if flag.isBoolean { _ = try line.read(["--\(name)=\(word)"]) }
        let text = fileText(for: flag, word)
        let inputs = StartInputs(arguments: [], readFile: { _ throws(StartInputs.FileError) in text })
        var notices: [ConfigurationNotice] = []
        let filed = try ConfigurationFile.read("/c", inputs, &notices)
        #expect(filed.settings == line.settings, "\(text)")
        #expect(!notices.contains { $0.level == .warning })
    }

    @Test func `what help shows as a default can be given back`() throws {
        for flag in FlagTable.all where !flag.isIgnored {
            var settings = Settings()
            try flag.set(flag.text(in: settings), in: &settings)
            if flag.name.hasPrefix("experimental-") {
                #expect(flag.text(in: settings) == flag.text(in: Settings()), "\(flag.name)")
            } else {
                #expect(settings == Settings(), "\(flag.name)")
            }
        }
    }

    @Test(arguments: [
        ("10", 10), ("0x10", 16), ("010", 8), ("0o17", 15), ("0b101", 5), ("0x_ff", 255), ("1_000", nil),
        ("0_1_0", 8), ("08", nil), ("", nil), ("0x", nil), ("+1", nil), ("1 ", nil), ("0x1__0", nil),
        ("18446744073709551615", UInt.max), ("18446744073709551616", nil), ("0", 0), ("1.5", nil),
    ])
    func `unsigned numbers are Go literals`(text: String, value: UInt?) {
        #expect((try? GoValue.unsigned(text, as: UInt.self)) == value)
    }

    @Test(arguments: [
        ("-0x10", -16), ("+5", 5), ("-9223372036854775808", Int.min), ("9223372036854775808", nil),
        ("--1", nil), ("-", nil),
    ])
    func `signed numbers are Go literals`(text: String, value: Int?) {
        #expect((try? GoValue.signed(text)) == value)
    }

    @Test(arguments: ["1", "t", "T", "TRUE", "true", "True"], ["0", "f", "F", "FALSE", "false", "False"])
    func `booleans have six spellings each`(yes: String, no: String) {
        #expect(GoValue.boolean(yes) == true)
        #expect(GoValue.boolean(no) == false)
        #expect(GoValue.boolean(yes + "x") == nil)
    }

    @Test(arguments: [
        ("0", 0), ("1h30m", 5_400_000_000_000), ("300ms", 300_000_000), ("1.5s", 1_500_000_000),
        ("-1m", -60_000_000_000), (".5s", 500_000_000), ("1.s", 1_000_000_000), ("1us", 1000),
        ("1µs", 1000), ("2ns", 2), ("0.1ns", 0), ("1h0.5m", 3_630_000_000_000), ("0.3h", 1_080_000_000_000),
        ("0.0625h", 225_000_000_000), ("", nil), ("5", nil), ("s", nil), (".s", nil), ("1d", nil),
        ("1 s", nil), ("9999999h", nil), ("1.2.3s", nil),
    ])
    func `durations are Go's`(text: String, nanoseconds: Int64?) {
        #expect(GoDuration.nanoseconds(text) == nanoseconds)
    }

    @Test(arguments: [
        "0s", "1h30m0s", "300ms", "1.5s", "1m0s", "2h0m0s", "1µs", "2ns", "-1m0s", "1.000000001s",
    ])
    func `a duration prints as Go prints it`(text: String) throws {
        #expect(GoDuration.text(try GoDuration.parse(text)) == text)
    }

    @Test func `the specification's file of all keys is read`() throws {
        let inputs = StartInputs(
            arguments: [], readFile: { _ throws(StartInputs.FileError) in exhaustiveFile })
        var notices: [ConfigurationNotice] = []
        let collected = try ConfigurationFile.read("/c", inputs, &notices)
        #expect(!notices.contains { $0.level == .warning })
        let configuration = collected.settings.configuration
        #expect(configuration.member.name == "infra0")
        #expect(configuration.storage.batchInterval == .milliseconds(100))
        #expect(configuration.limits.keepAliveInterval == .seconds(7200))
        #expect(configuration.listeners.clientURLs.count == 2)
        #expect(configuration.security.client.clientCertificateAuth)
        #expect(configuration.security.peer.trustedCAFile == "/etc/etcd/ca.crt")
        #expect(configuration.security.cipherSuites == ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"])
        #expect(configuration.features[.initialCorruptCheck])
        #expect(collected.settings.autoCompactionRetention == "1")
        // The file asks for TLS, which this build refuses by the flag's name.
        let failure = start(["--config-file=/c"], files: ["/c": exhaustiveFile]).failure
        #expect(failure?.message.hasPrefix("--listen-peer-urls has https://10.0.0.1:2380") == true)
        let plain = exhaustiveFile.split(separator: "\n").filter { line in
            !line.hasPrefix("  ") && !line.contains("transport-security")
        }.joined(separator: "\n").split(separator: "https:").joined(separator: "http:")
        #expect(start(["--config-file=/c"], files: ["/c": plain]).configuration != nil)
    }
}

/// spec/config.md section 13.
private let exhaustiveFile = """
    name: infra0
    data-dir: /var/lib/etcd
    wal-dir: ""
    snapshot-count: 10000
    max-snapshots: 5
    max-wals: 5
    heartbeat-interval: 100
    election-timeout: 1000
    quota-backend-bytes: 0
    backend-batch-interval: 100000000        # nanoseconds
    backend-batch-limit: 10000
    max-txn-ops: 128
    max-request-bytes: 1572864
    grpc-keepalive-min-time: 5000000000
    grpc-keepalive-interval: 7200000000000
    grpc-keepalive-timeout: 20000000000
    listen-peer-urls: https://10.0.0.1:2380
    listen-client-urls: https://10.0.0.1:2379,http://127.0.0.1:2379
    listen-metrics-urls: http://127.0.0.1:2381
    initial-advertise-peer-urls: https://10.0.0.1:2380
    advertise-client-urls: https://10.0.0.1:2379
    initial-cluster: infra0=https://10.0.0.1:2380
    initial-cluster-token: etcd-cluster
    initial-cluster-state: new
    strict-reconfig-check: true
    pre-vote: true
    auto-compaction-mode: periodic
    auto-compaction-retention: "1"
    cors: "*"
    host-whitelist: "*"
    client-transport-security:
      cert-file: /etc/etcd/server.crt
      key-file: /etc/etcd/server.key
      client-cert-auth: true
      trusted-ca-file: /etc/etcd/ca.crt
      auto-tls: false
    peer-transport-security:
      cert-file: /etc/etcd/peer.crt
      key-file: /etc/etcd/peer.key
      client-cert-auth: true
      trusted-ca-file: /etc/etcd/ca.crt
      auto-tls: false
    self-signed-cert-validity: 1
    cipher-suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
    tls-min-version: TLS1.2
    auth-token: simple
    bcrypt-cost: 10
    auth-token-ttl: 300
    logger: zap
    log-level: info
    log-outputs: [stderr]
    enable-pprof: false
    metrics: basic
    force-new-cluster: false
    feature-gates: "InitialCorruptCheck=true"   # 3.6+
    """
