import CPlatform
import Logging
import Telemetry
import Testing

@testable import HTTP
@testable import Net
@testable import Services

/// A member as a test wants it to be.
private final class FakeSource: HealthSource {
    var isLeaderKnown = true
    var isLearner = false
    var raisedAlarms: [HealthAlarm] = []
    var clusterVersion: String?
    var raftStatus = "null"
    var serializableError: String?
    var linearizableError: String?
    /// Reads that are waiting, while `holdsReads`.
    var waiting: [(String?) -> Void] = []
    var holdsReads = false

    func readSerializable() -> String? { serializableError }

    func readLinearizable(_ completion: @escaping (String?) -> Void) {
        if holdsReads { waiting.append(completion) } else { completion(linearizableError) }
    }
}

private final class Site {
    let source = FakeSource()
    let registry = MetricsRegistry()
    let pages: WebEndpoints
    private(set) var answers: [WebResponse] = []

    init(_ listener: WebEndpoints.Listener = .client(AccessControl(hosts: ["*"], origins: []))) {
        let metrics = ServerMetrics(registry, extensive: false)
        pages = WebEndpoints(
            listener, source: source, registry: registry, metrics: metrics, arguments: ["etcd", "-a\"b"],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Sends a request; its answer, unless that waits for a read.
    func send(_ target: String, method: String = "GET", _ headers: [WebHeader] = []) -> WebResponse? {
        let parts = target.split(separator: "?", maxSplits: 1)
        let request = WebRequest(
            method: method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : "",
            headers: headers + [WebHeader("Host", "localhost:2379")], body: [],
            peer: SocketAddress(platform_address()))
        let before = answers.count
        pages.handle(request, WebResponder { [unowned self] in answers.append($0) })
        return answers.count > before ? answers.last : nil
    }

    func text(_ target: String) -> String { send(target)?.text ?? "no answer" }

    func metric(_ name: String) -> String? {
        registry.text().split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .map { String($0.dropFirst(name.count + 1)) }
    }
}

extension WebResponse {
    fileprivate var text: String { "\(status) " + String(decoding: body, as: UTF8.self) }

    fileprivate func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

@Suite struct HealthPageTests {
    @Test func `a healthy member answers 29 bytes without a line feed`() throws {
        let site = Site()
        let answer = try #require(site.send("/health"))
        #expect(answer.text == "200 {\"health\":\"true\",\"reason\":\"\"}")
        #expect(answer.body.count == 29)
        #expect(site.metric("etcd_server_health_success") == "1")
    }

    @Test func `the first reason is told, in etcd's order`() throws {
        let site = Site()
        let no = { (reason: String) in "503 {\"health\":\"false\",\"reason\":\"\(reason)\"}\n" }
        site.source.linearizableError = "etcdserver: request timed out"
        #expect(site.text("/health") == no("RANGE ERROR:etcdserver: request timed out"))
        site.source.isLeaderKnown = false
        #expect(site.text("/health") == no("RAFT NO LEADER"))
        site.source.raisedAlarms = [.noSpace, .corrupt]
        #expect(site.text("/health") == no("ALARM NOSPACE"))
        #expect(site.text("/health?exclude=NOSPACE") == no("ALARM CORRUPT"))
        #expect(site.text("/health?exclude=NOSPACE&exclude=CORRUPT") == no("RAFT NO LEADER"))
        let answer = try #require(site.send("/health"))
        #expect(answer.header("Content-Type") == "text/plain; charset=utf-8")
        #expect(site.metric("etcd_server_health_failures") == "6")
    }

    @Test func `a serializable check asks neither the leader nor the others`() {
        let site = Site()
        site.source.isLeaderKnown = false
        site.source.linearizableError = "never asked"
        #expect(site.text("/health?serializable=true").hasPrefix("200 "))
        #expect(site.text("/health?serializable=1").hasPrefix("503 "))
        site.source.serializableError = "broken"
        #expect(site.text("/health?serializable=true").contains("RANGE ERROR:broken"))
    }

    @Test func `the answer waits for the read`() {
        let site = Site()
        site.source.holdsReads = true
        #expect(site.send("/health") == nil)
        site.source.waiting.removeFirst()(nil)
        #expect(site.answers.map(\.status) == [200])
    }

    @Test func `only GET is allowed`() throws {
        let site = Site()
        for path in ["/health", "/livez", "/readyz/non_learner", "/version"] {
            let answer = try #require(site.send(path, method: "POST"))
            #expect(answer.text == "405 Method Not Allowed\n")
            #expect(answer.header("Allow") == "GET")
        }
    }
}

@Suite struct CheckPagesTests {
    @Test func `a live member says ok, and what it checked when asked`() {
        let site = Site()
        #expect(site.text("/livez") == "200 ok\n")
        #expect(site.text("/livez?verbose") == "200 [+]serializable_read ok\nok\n")
        #expect(site.text("/readyz/data_corruption?verbose=") == "200 [+]data_corruption ok\nok\n")
        #expect(
            site.text("/readyz?verbose") == """
                200 [+]data_corruption ok
                [+]serializable_read ok
                [+]linearizable_read ok
                [+]non_learner ok
                ok

                """)
    }

    @Test func `a failed check shows all checks`() {
        let site = Site()
        site.source.raisedAlarms = [.noSpace]
        #expect(site.text("/readyz") == "200 ok\n")
        site.source.raisedAlarms = [.corrupt]
        site.source.isLearner = true
        #expect(
            site.text("/readyz") == """
                503 [-]data_corruption failed: alarm activated: CORRUPT
                [+]serializable_read ok
                [+]linearizable_read ok
                [-]non_learner failed: not supported for learner

                """)
        #expect(site.text("/livez") == "200 ok\n")
        #expect(site.text("/readyz/linearizable_read") == "200 ok\n")
        #expect(site.text("/readyz?exclude=data_corruption&exclude=non_learner&exclude=x") == "200 ok\n")
        let labels = "{name=\"data_corruption\",type=\"readyz\"}"
        #expect(site.metric("etcd_server_healthcheck" + labels) == "0")
        #expect(
            site.metric(
                "etcd_server_healthchecks_total{name=\"non_learner\",status=\"error\",type=\"readyz\"}")
                == "1")
    }

    @Test func `the later checks wait for the read`() {
        let site = Site()
        site.source.holdsReads = true
        #expect(site.send("/readyz?verbose") == nil)
        #expect(site.text("/livez") == "200 ok\n")
        site.source.waiting.removeFirst()("context deadline exceeded")
        #expect(
            site.answers.last?.text.contains("[-]linearizable_read failed: context deadline exceeded\n[+]non")
                == true)
    }

    @Test(arguments: ["/livez/nosuch", "/livez/linearizable_read", "/livez/", "/readyz/a/b", "/", "/v2/keys"])
    func `other pages do not exist`(path: String) throws {
        let answer = try #require(Site().send(path))
        #expect(answer.text == "404 404 page not found\n")
        #expect(answer.header("X-Content-Type-Options") == "nosniff")
    }
}

@Suite struct WebEndpointsTests {
    @Test func `the version names the cluster's once it is known`() throws {
        let site = Site()
        #expect(
            site.text("/version") == "200 {\"etcdserver\":\"3.5.33\",\"etcdcluster\":\"not_decided\"}")
        site.source.clusterVersion = "3.5.0"
        #expect(site.text("/version") == "200 {\"etcdserver\":\"3.5.33\",\"etcdcluster\":\"3.5.0\"}")
        #expect(site.send("/version")?.header("Content-Type") == "application/json")
    }

    @Test func `metrics are Prometheus text that counts its own readers`() throws {
        let site = Site()
        let answer = try #require(site.send("/metrics"))
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(answer.text.contains("\netcd_server_has_leader 0\n"))
        #expect(answer.text.contains("\npromhttp_metric_handler_requests_in_flight 1\n"))
        #expect(site.metric("promhttp_metric_handler_requests_total{code=\"200\"}") == "1")
    }

    @Test func `debug vars are a JSON object`() {
        let text = Site().text("/debug/vars")
        #expect(text.hasPrefix("200 {\n\"cmdline\": [\"etcd\",\"-a\\\"b\"],\n\"file_descriptor_limit\": "))
        #expect(text.hasSuffix("\"raft.status\": null\n}\n"))
    }

    @Test func `a metrics listener has health and metrics only`() {
        let site = Site(.metrics)
        for path in ["/metrics", "/health", "/livez", "/readyz/non_learner"] {
            #expect(site.send(path)?.status == 200, "\(path)")
        }
        for path in ["/version", "/debug/vars", "/v3/kv/range"] {
            #expect(site.send(path)?.status == 404, "\(path)")
        }
        #expect(site.send("/health")?.header("Access-Control-Allow-Origin") == nil)
    }

    @Test func `a foreign host name is misdirected`() throws {
        let site = Site(.client(AccessControl(hosts: ["good", "::1"], origins: ["*"])))
        let status = { (host: String) in site.send("/version", [WebHeader("Host", host)])?.status }
        #expect(status("good:2379") == 200)
        #expect(status("good") == 200)
        #expect(status("[::1]:2379") == 200)
        #expect(status("evil:2379") == 421)
        let answer = try #require(site.send("/health", [WebHeader("Host", "evil")]))
        #expect(answer.text.contains("CVE-2018-5702"))
        #expect(answer.text.contains("--host-whitelist"))
    }

    @Test func `origins are answered for, preflights at once`() throws {
        let all = Site()
        #expect(all.send("/nothing")?.header("Access-Control-Allow-Origin") == "*")
        let preflight = try #require(all.send("/v3/kv/put", method: "OPTIONS"))
        #expect(preflight.text == "200 ")
        #expect(
            preflight.header("Access-Control-Allow-Methods") == "POST, GET, OPTIONS, PUT, DELETE")
        let some = Site(.client(AccessControl(hosts: [], origins: ["http://a:1"])))
        let origin = { (name: String) in
            some.send("/version", [WebHeader("Origin", name)])?.header("Access-Control-Allow-Origin")
        }
        #expect(origin("http://a:1") == "http://a:1")
        #expect(origin("http://b:1") == nil)
    }

    @Test func `parameters are decoded as Go decodes them`() {
        let query = WebQuery("a=1&a=%32+x&b&c=%zz&d=1;e=2&=f")
        #expect(query.all("a") == ["1", "2 x"])
        #expect(query.first("b") == "")
        #expect(!query.has("c") && !query.has("d"))
    }
}
