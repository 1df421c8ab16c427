import HTTP
import Logging
import Net
import Services

/// The sockets of one member, bound before anything else starts, so that a port in use is a clean refusal
/// and early clients wait in the backlog.
struct Sockets: Sendable {
    /// gRPC and, unless there are `web` sockets, plain HTTP.
    var client: [ListeningSocket] = []
    /// --listen-client-http-urls: plain HTTP only.
    var web: [ListeningSocket] = []
    /// --listen-metrics-urls: health and metrics only.
    var metrics: [ListeningSocket] = []
    var peer: [ListeningSocket] = []

    /// Binds every URL of the configuration.
    init(_ listeners: ServerConfiguration.Listeners) throws(BootError) {
        peer = try Self.bind(listeners.peerURLs, listeners, "listen-peer-urls")
        client = try Self.bind(listeners.clientURLs, listeners, "listen-client-urls")
        web = try Self.bind(listeners.clientHTTPURLs, listeners, "listen-client-http-urls")
        metrics = try Self.bind(listeners.metricsURLs, listeners, "listen-metrics-urls")
    }

    private static func bind(
        _ urls: [ListenURL], _ listeners: ServerConfiguration.Listeners, _ flag: String
    ) throws(BootError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for url in urls {
            let address: ListenAddress =
                url.scheme.isSocketFile
                ? .unix(path: url.address) : .tcp(host: url.host, port: url.port ?? 0)
            do throws(NetError) {
                sockets.append(try ListeningSocket(address, reusePort: listeners.reusePort))
            } catch {
                throw BootError("--\(flag): listen tcp \(url.address): \(describe(error))")
            }
        }
        return sockets
    }
}

private func describe(_ error: NetError) -> String {
    switch error {
    case .system(let call, let number): "\(call): \(text(of: number).lowercasedFirst)"
    default: "\(error)"
    }
}

extension String {
    /// Go writes the system's sentences in lower case.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}

/// What one event loop listens with; made and used on its thread.
final class LoopListeners {
    private var servers: [HTTPServer] = []

    /// Adds a server and lets it accept from `sockets`.
    func serve(_ server: HTTPServer, _ sockets: [ListeningSocket]) throws(NetError) {
        servers.append(server)
        for socket in sockets { try server.serve(socket) }
    }

    /// Accepts no more; what is open may finish within `grace`.
    func drain(grace: Duration) {
        for server in servers { server.drain(grace: grace) {} }
    }

    var isIdle: Bool { servers.allSatisfy { $0.connectionCount == 0 } }
}
