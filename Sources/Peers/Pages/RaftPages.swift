import HTTP
import Raft
import Store
import Telemetry

/// What the peer port answers: everything below /raft here, all else by the pages it was given.
final class RaftPages: WebApplication {
    private let context: PeerContext
    private let peers: PeerTable
    private let snapshots: SnapshotReceiver
    private let others: any WebApplication

    init(
        _ context: PeerContext, peers: PeerTable, snapshots: SnapshotReceiver, others: any WebApplication
    ) {
        self.context = context
        self.peers = peers
        self.snapshots = snapshots
        self.others = others
    }

    func handle(_ request: WebRequest, _ responder: WebResponder) {
        switch request.path {
        case "/raft": responder.respond(takeMessage(request))
        case "/raft/snapshot": responder.respond(snapshots.refusal(ofEmpty: request))
        case "/raft/probing": responder.respond(probing())
        case let path where path.hasPrefix("/raft/stream/"): openStream(request, responder)
        case let path where path.hasPrefix("/raft/"):
            responder.respond(text(404, "404 page not found"))
        default: others.handle(request, responder)
        }
    }

    func bodyReceiver(_ head: WebRequest, _ responder: WebResponder) -> (any WebBodyReceiver)? {
        switch head.path {
        case "/raft/snapshot": snapshots.receiver(head, responder)
        case "/raft": nil
        case let path where path.hasPrefix("/raft/"): nil
        default: others.bodyReceiver(head, responder)
        }
    }

    /// POST /raft. A message for somebody else gets 412, not etcd's 403: that would make a sender with an
    /// old address of ours believe that it was removed, and stop.
    private func takeMessage(_ request: WebRequest) -> WebResponse {
        if let refusal = PeerHeaders.refusal(request, method: "POST", context.identity) { return refusal }
        let sender = peers.learn(request)
        if let sender, context.removed.contains(sender) { return removedMember() }
        let message: Message?
        do throws(StreamError) {
            // Safe: the span ends with the call.
            message = unsafe try Message.received(request.body.span.bytes)
        } catch {
            return text(400, "error unmarshalling raft message")
        }
        if let sender { peers[sender]?.metrics.receivedBytes.add(request.body.count) }
        guard let message else {
            if request.body.isEmpty { return text(400, "error unmarshalling raft message") }
            return WebResponse(status: 204, headers: clusterHeader)
        }
        if context.removed.contains(message.from) { return removedMember() }
        guard message.to == context.identity.member else { return text(412, "to field mismatch") }
        context.deliver(message)
        return WebResponse(status: 204, headers: clusterHeader)
    }

    private func removedMember() -> WebResponse {
        PeerHeaders.json(403, "the member has been removed from the cluster", context.identity)
    }

    /// GET /raft/stream/msgapp/<id> or /raft/stream/message/<id>, in the order of etcd's checks.
    private func openStream(_ request: WebRequest, _ responder: WebResponder) {
        if let refusal = PeerHeaders.refusal(request, method: "GET", context.identity) {
            return respond(responder, refusal)
        }
        let slash = request.path.lastIndex(of: "/") ?? request.path.startIndex
        let directory = request.path[..<slash]
        guard let kind = StreamKind.allCases.first(where: { $0.path == directory }) else {
            return respond(responder, text(404, "invalid path"))
        }
        guard let from = MemberID(hex: request.path[slash...].dropFirst()) else {
            return respond(responder, text(404, "invalid from"))
        }
        if context.removed.contains(from) { return respond(responder, text(410, "removed member")) }
        guard let peer = peers[from], peer.isMember else {
            peers.learn(from, PeerHeaders.senderURLs(request))
            return respond(responder, text(404, "error sender not found"))
        }
        guard request.header(PeerHeaders.to) == context.identity.member.hex else {
            return respond(responder, text(412, "to field mismatch"))
        }
        peer.accept(kind, responder, WebResponse(status: 200, headers: clusterHeader + [versionHeader]))
    }

    private func respond(_ responder: WebResponder, _ response: WebResponse) {
        var response = response
        response.headers.append(versionHeader)
        responder.respond(response)
    }

    private func probing() -> WebResponse {
        WebResponse(
            status: 200, headers: [WebHeader("Content-Type", "text/plain; charset=utf-8")],
            body: Array("{\"OK\":true,\"Now\":\"\(utcTimestamp())\"}\n".utf8))
    }

    private var clusterHeader: [WebHeader] {
        [WebHeader(PeerHeaders.cluster, String(context.identity.cluster, radix: 16))]
    }

    private var versionHeader: WebHeader { WebHeader(PeerHeaders.version, context.identity.version) }

    private func text(_ status: Int, _ body: String) -> WebResponse {
        PeerHeaders.text(status, body, context.identity)
    }
}
