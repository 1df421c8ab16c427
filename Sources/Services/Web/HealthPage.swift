import HTTP
import Telemetry

/// `/health`: one answer about the whole member. Source: spec/http.md section 4.1.
struct HealthPage {
    let source: any HealthSource
    let metrics: RequestMetrics
    /// Told of every unhealthy answer.
    let complain: (_ page: String, _ reason: String) -> Void

    func answer(_ request: WebRequest, _ respond: @escaping (WebResponse) -> Void) {
        guard request.method == "GET" else { return respond(.onlyGet) }
        let query = WebQuery(request.query)
        let isSerializable = query.first("serializable") == "true"
        if let reason = obstacle(excluding: query.all("exclude"), isSerializable) {
            return respond(response(reason))
        }
        let finish = { (error: String?) in respond(response(error.map { "RANGE ERROR:" + $0 } ?? "")) }
        if isSerializable {
            finish(source.readSerializable())
        } else {
            source.readLinearizable(finish)
        }
    }

    /// What makes the member unhealthy before anything is read.
    private func obstacle(excluding: [String], _ isSerializable: Bool) -> String? {
        if let alarm = source.raisedAlarms.first(where: { !excluding.contains($0.rawValue) }) {
            return "ALARM " + alarm.rawValue
        }
        return isSerializable || source.isLeaderKnown ? nil : "RAFT NO LEADER"
    }

    private func response(_ reason: String) -> WebResponse {
        let body = "{\"health\":\"\(reason.isEmpty)\",\"reason\":\(JSONText.quoted(reason))}"
        if reason.isEmpty {
            metrics.healthSuccesses.add()
            return .text(body)
        }
        metrics.healthFailures.add()
        complain("/health", reason)
        return .error(503, body)
    }
}
