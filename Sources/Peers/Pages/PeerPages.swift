import HTTP
import Raft
import Store

/// The helper pages of the peer port (spec/peer.md 2): who is here, and which version.
///
/// One per event loop that serves the port; answers at once from local state.
package final class PeerPages: WebApplication {
    private let membership: Membership
    private let version: String

    /// `version`: the full version of this server, e.g. `3.5.33`.
    package init(membership: Membership, version: String) {
        self.membership = membership
        self.version = version
    }

    package func handle(_ request: WebRequest, _ responder: WebResponder) {
        responder.respond(answer(method: request.method, path: request.path))
    }

    func answer(method: String, path: String) -> WebResponse {
        switch path {
        case "/members": get(method) { page(ClusterMember.list(membership.members), "application/json") }
        case "/version": get(method) { page(versions, "application/json") }
        default: text(404, "404 page not found\n")
        }
    }

    private func get(_ method: String, _ body: () -> WebResponse) -> WebResponse {
        if method == "GET" || method == "HEAD" { return body() }
        var refusal = text(405, "Method Not Allowed\n")
        refusal.headers.append(WebHeader("Allow", "GET"))
        return refusal
    }

    private var versions: String {
        let cluster = membership.clusterVersion?.text ?? "not_decided"
        return "{\"etcdserver\":\"\(version)\",\"etcdcluster\":\"\(cluster)\"}"
    }

    private func page(_ body: String, _ type: String) -> WebResponse {
        WebResponse(
            status: 200,
            headers: [
                WebHeader("Content-Type", type),
                WebHeader("X-Etcd-Cluster-Id", String(membership.clusterID, radix: 16)),
            ], body: Array(body.utf8))
    }

    private func text(_ status: Int, _ body: String) -> WebResponse {
        WebResponse(
            status: status, headers: [WebHeader("Content-Type", "text/plain; charset=utf-8")],
            body: Array(body.utf8))
    }
}
