import HTTP

/// Who may speak plain HTTP to the client port (gRPC is not asked). Source: spec/http.md section 1.1.
package struct AccessControl: Sendable {
    private let hosts: Set<String>
    private let origins: Set<String>
    private let allowsAllHosts: Bool
    private let allowsAllOrigins: Bool

    /// - Parameters:
    ///   - hosts: `--host-whitelist`; empty or with `*`: all.
    ///   - origins: `--cors`; empty or with `*`: all.
    package init(hosts: [String], origins: [String]) {
        self.hosts = Set(hosts)
        self.origins = Set(origins)
        allowsAllHosts = hosts.isEmpty || hosts.contains("*")
        allowsAllOrigins = origins.isEmpty || origins.contains("*")
    }

    /// The answer of a request that must not reach a page, or nil.
    ///
    /// A browser tricked by DNS rebinding sends a foreign host name (CVE-2018-5702); a preflight request
    /// is answered here for every path.
    func intercept(_ request: WebRequest) -> WebResponse? {
        let host = AccessControl.hostName(request.header("Host") ?? "")
        if !allowsAllHosts && !hosts.contains(host) {
            return .error(
                421,
                "The host name of this request is not allowed, to protect against DNS rebinding "
                    + "(CVE-2018-5702).\nStart etcd with --host-whitelist=\(host) to allow it.")
        }
        if request.method == "OPTIONS" { return WebResponse(status: 200, headers: headers(for: request)) }
        return nil
    }

    /// What is added to every answer.
    func headers(for request: WebRequest) -> [WebHeader] {
        let allowed: String
        if allowsAllOrigins {
            allowed = "*"
        } else if let origin = request.header("Origin"), origins.contains(origin) {
            allowed = origin
        } else {
            return []
        }
        return [
            WebHeader("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE"),
            WebHeader("Access-Control-Allow-Origin", allowed),
            WebHeader("Access-Control-Allow-Headers", "accept, content-type, authorization"),
        ]
    }

    /// Without the port and the brackets of IPv6.
    static func hostName(_ text: String) -> String {
        if text.hasPrefix("[") { return String(text.dropFirst().prefix { $0 != "]" }) }
        guard let colon = text.lastIndex(of: ":") else { return text }
        return String(text[..<colon])
    }
}
