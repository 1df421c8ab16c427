import HTTP
import Logging
import Telemetry

/// The pages for people, probes and Prometheus: one instance per event loop and kind of listener.
///
/// | path | listener |
/// |---|---|
/// | /health, /livez, /readyz, /metrics | all |
/// | /version, /debug/vars | client |
///
/// Everything else is 404, `/v3/…` too until the JSON gateway exists. Source: spec/http.md.
package final class WebEndpoints: WebApplication {
    /// Which listener the pages are for.
    package enum Listener: Sendable {
        case client(AccessControl)
        /// `--listen-metrics-urls`: health and metrics only, open to every host.
        case metrics
    }

    private let listener: Listener
    private let source: any HealthSource
    private let registry: MetricsRegistry
    private let metrics: ServerMetrics
    private let arguments: [String]
    private let health: HealthPage
    private let checks: CheckPages

    /// - Parameters:
    ///   - source: kept; it lives on the same loop.
    ///   - arguments: the process's command line, for /debug/vars.
    package init(
        _ listener: Listener, source: any HealthSource, registry: MetricsRegistry, metrics: ServerMetrics,
        arguments: [String], logger: Logger
    ) {
        self.listener = listener
        self.source = source
        self.registry = registry
        self.metrics = metrics
        self.arguments = arguments
        let complain = { (page: String, reason: String) in
            logger.warning("\(page) error", metadata: ["reason": .string(reason)])
        }
        health = HealthPage(source: source, metrics: metrics.requests, complain: complain)
        checks = CheckPages(source: source, metrics: metrics.requests, complain: complain)
    }

    package func handle(_ request: WebRequest, _ responder: WebResponder) {
        guard case .client(let access) = listener else { return route(request, responder.respond) }
        if let response = access.intercept(request) { return responder.respond(response) }
        let headers = access.headers(for: request)
        route(request) { response in
            var response = response
            response.headers = headers + response.headers
            responder.respond(response)
        }
    }

    private func route(_ request: WebRequest, _ respond: @escaping (WebResponse) -> Void) {
        if let (page, list) = CheckPages.find(request.path) {
            return checks.answer(page, list, request, respond)
        }
        switch (request.path, listener) {
        case ("/health", _): health.answer(request, respond)
        case ("/metrics", _): respond(scrape())
        case ("/version", .client): respond(request.method == "GET" ? version() : .onlyGet)
        case ("/debug/vars", .client): respond(variables())
        default: respond(.notFound)
        }
    }

    private func scrape() -> WebResponse {
        metrics.web.scrapesInFlight.set(1)
        let text = registry.text()
        metrics.web.scrapesInFlight.set(0)
        metrics.web.scrapes.with("200").add()
        return .text(text, type: MetricsRegistry.contentType)
    }

    /// Also what the peer port answers.
    package static func versionText(cluster: String?) -> String {
        "{\"etcdserver\":\"\(Version.etcd)\",\"etcdcluster\":\"\(cluster ?? "not_decided")\"}"
    }

    private func version() -> WebResponse {
        .json(WebEndpoints.versionText(cluster: source.clusterVersion))
    }

    /// What Go's expvar shows, as far as this process has it.
    private func variables() -> WebResponse {
        let line = arguments.map(JSONText.quoted).joined(separator: ",")
        let body = """
            {
            "cmdline": [\(line)],
            "file_descriptor_limit": \(ProcessMetrics.descriptorLimit),
            "memstats": {},
            "raft.status": \(source.raftStatus)
            }

            """
        return .text(body, type: "application/json; charset=utf-8")
    }
}
