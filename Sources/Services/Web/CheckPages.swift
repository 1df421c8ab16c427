import HTTP
import Telemetry

/// `/livez` and `/readyz` with a page for each of their checks. Source: spec/http.md section 4.2.
struct CheckPages {
    enum Check: String, CaseIterable {
        case dataCorruption = "data_corruption"
        case serializableRead = "serializable_read"
        case linearizableRead = "linearizable_read"
        case nonLearner = "non_learner"
    }

    enum Page: String, CaseIterable {
        case livez, readyz

        var checks: [Check] {
            switch self {
            case .livez: [.serializableRead]
            case .readyz: [.dataCorruption, .serializableRead, .linearizableRead, .nonLearner]
            }
        }
    }

    let source: any HealthSource
    let metrics: RequestMetrics
    /// Told of every failed check.
    let complain: (_ page: String, _ reason: String) -> Void

    /// The page and its checks behind a path; nil where there is none.
    static func find(_ path: String) -> (page: Page, checks: [Check])? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].isEmpty, let page = Page(rawValue: String(parts[1]))
        else { return nil }
        if parts.count == 2 { return (page, page.checks) }
        guard let check = Check(rawValue: String(parts[2])), page.checks.contains(check) else { return nil }
        return (page, [check])
    }

    func answer(
        _ page: Page, _ checks: [Check], _ request: WebRequest, _ respond: @escaping (WebResponse) -> Void
    ) {
        guard request.method == "GET" else { return respond(.onlyGet) }
        let query = WebQuery(request.query)
        let excluded = query.all("exclude")
        for name in excluded where !checks.contains(where: { $0.rawValue == name }) {
            complain("/" + page.rawValue, "no check to exclude is called " + name)
        }
        let wanted = checks.filter { !excluded.contains($0.rawValue) }
        perform(wanted[...], []) { results in
            respond(response(page, results, isVerbose: query.has("verbose")))
        }
    }

    private typealias Result = (check: Check, problem: String?)

    /// One check after the other; the linearizable read may take its time.
    private func perform(
        _ checks: ArraySlice<Check>, _ done: [Result], _ completion: @escaping ([Result]) -> Void
    ) {
        guard let check = checks.first else { return completion(done) }
        run(check) { problem in
            perform(checks.dropFirst(), done + [(check, problem)], completion)
        }
    }

    private func run(_ check: Check, _ completion: @escaping (String?) -> Void) {
        switch check {
        case .dataCorruption:
            completion(source.raisedAlarms.contains(.corrupt) ? "alarm activated: CORRUPT" : nil)
        case .serializableRead: completion(source.readSerializable())
        case .linearizableRead: source.readLinearizable(completion)
        case .nonLearner: completion(source.isLearner ? "not supported for learner" : nil)
        }
    }

    private func response(_ page: Page, _ results: [Result], isVerbose: Bool) -> WebResponse {
        var lines = ""
        var isHealthy = true
        for (check, problem) in results {
            let name = check.rawValue
            if let problem {
                isHealthy = false
                lines += "[-]\(name) failed: \(problem)\n"
                complain("/" + page.rawValue, "\(name) failed: \(problem)")
            } else {
                lines += "[+]\(name) ok\n"
            }
            metrics.healthCheck.with(page.rawValue, name).set(problem == nil)
            metrics.healthChecks.with(page.rawValue, name, problem == nil ? "success" : "error").add()
        }
        let headers = [
            WebHeader("Content-Type", "text/plain; charset=utf-8"),
            WebHeader("X-Content-Type-Options", "nosniff"),
        ]
        let body = isHealthy ? (isVerbose ? lines + "ok\n" : "ok\n") : lines
        return WebResponse(status: isHealthy ? 200 : 503, headers: headers, body: Array(body.utf8))
    }
}
