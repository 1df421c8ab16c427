import HTTP

extension WebResponse {
    /// As Go's `http.Error` answers: the text and a line feed.
    static func error(_ status: Int, _ text: String, _ headers: [WebHeader] = []) -> WebResponse {
        let fixed = [
            WebHeader("Content-Type", "text/plain; charset=utf-8"),
            WebHeader("X-Content-Type-Options", "nosniff"),
        ]
        return WebResponse(status: status, headers: headers + fixed, body: Array((text + "\n").utf8))
    }

    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> WebResponse {
        WebResponse(status: 200, headers: [WebHeader("Content-Type", type)], body: Array(text.utf8))
    }

    static func json(_ text: String) -> WebResponse { .text(text, type: "application/json") }

    static let notFound = error(404, "404 page not found")

    static let onlyGet = error(405, "Method Not Allowed", [WebHeader("Allow", "GET")])
}
