/// Where a server listens: `127.0.0.1:2379`, `[::1]:2379`, `http://name:2379`, `https://name:2379`.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// Whether TLS is spoken there; clientv3 decides alike (endpoint.RequiresCredentials).
    package enum Security: Hashable, Sendable {
        /// `http://`: it is not, whatever certificates there are.
        case plain
        /// `https://`: it is.
        case secure
        /// No scheme: it is where the client was given anything for it.
        case asGiven
    }

    /// Why a text is no endpoint, in a sentence.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package let host: String
    package let port: UInt16
    package let security: Security
    /// As it was given.
    package let description: String

    package init(_ text: String) throws(Problem) {
        var rest = text[...]
        var security = Security.asGiven
        if let scheme = text.firstRange(of: "://") {
            switch text[..<scheme.lowerBound] {
            case "http": security = .plain
            case "https": security = .secure
            default: throw Problem(description: "endpoint \(text): the scheme is http or https")
            }
            rest = text[scheme.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
            throw Problem(description: "endpoint \(text): missing port in address")
        }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw Problem(description: "endpoint \(text): too many colons in address")
        }
        if host.isEmpty { host = "127.0.0.1" }
        self.host = String(host)
        self.port = port
        self.security = security
        description = text
    }

    /// What a client sends as `:authority`.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// A comma separated list.
    package static func list(_ text: String) throws(Problem) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        for part in text.split(separator: ",") { endpoints.append(try Endpoint(String(part))) }
        if endpoints.isEmpty { throw Problem(description: "no endpoint given") }
        return endpoints
    }
}
