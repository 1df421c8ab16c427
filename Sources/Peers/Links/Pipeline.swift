import HTTP
import Raft
import Telemetry

/// Messages to one peer by POST /raft, one request each: what is used until its streams are up.
final class Pipeline {
    private unowned let peer: Peer
    private let context: PeerContext
    private var queue: [Message] = []
    private var postCount = 0
    private var isClosed = false

    init(_ peer: Peer, _ context: PeerContext) {
        self.peer = peer
        self.context = context
    }

    /// False when too many wait, or there is nowhere to send to.
    func send(_ message: Message) -> Bool {
        guard !isClosed, peer.urls.current != nil, queue.count < context.settings.pipelineMessagesMax else {
            return false
        }
        queue.append(message)
        postNext()
        return true
    }

    func close() {
        isClosed = true
        queue = []
    }

    private func postNext() {
        while postCount < context.settings.pipelineConnectionsMax, !queue.isEmpty, let url = peer.urls.current
        {
            post(queue.removeFirst(), url)
        }
    }

    private func post(_ message: Message, _ url: String) {
        postCount += 1
        var body: [UInt8] = []
        body.append(WireMessage(message))
        let size = body.count
        context.client.request(
            "POST", url: url, path: "/raft",
            headers: PeerHeaders.ofRequest(context.identity) + [
                WebHeader("Content-Type", "application/protobuf")
            ],
            body: body, timeout: context.settings.answerTimeout
        ) { [self] result in
            guard !isClosed else { return }
            postCount -= 1
            switch result {
            case .success(let answer) where answer.status == 204: peer.metrics.sentBytes.add(size)
            case .success(let answer) where answer.status == 403: context.removed(by: peer.id)
            case .success, .failure:
                peer.urls.leave(url)
                peer.metrics.sentFailures.add()
                context.host?.unreachable(peer.id)
            }
            postNext()
        }
    }
}
