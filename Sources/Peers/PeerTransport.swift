import HTTP
import Journal
import Logging
import Net
import Raft
import Telemetry

/// Raft's messages and snapshots between this member and the others, over HTTP/1.1 (spec/peer.md).
///
/// One per member, on an event loop that does nothing slow: heartbeats go through it. Every call comes on
/// that loop's thread; only `links` may be read from others.
///
///     to a member     appends on the stream it dialled for them, the rest on its other stream; without
///                     streams one POST per message
///     from a member   the two streams this one dials, and POSTs
///     a snapshot      a POST whose body a thread reads from the file; received by a thread into a file
///
/// Delivery is as good as TCP's and no better: what cannot be queued, or was under way when a connection
/// broke, is lost, and the owner hears `PeerHost.unreachable`.
package final class PeerTransport {
    /// Which members are heard; readable from any thread.
    package var links: PeerLinks { context.links }
    /// For requests to the helper pages of other members, on the same loop.
    package var client: PeerClient { context.client }

    private let context: PeerContext
    private let peers: PeerTable
    private let sender: SnapshotSender
    private let receiver: SnapshotReceiver
    private let server: HTTPServer
    private var isClosed = false

    /// `pages` answers every path that is not below /raft. Accepted and dialled connections draw on
    /// `budget`. `host` is held weakly. Received snapshots go to `snapshots`.
    package init(
        loop: EventLoop, identity: PeerIdentity, settings: PeerSettings, snapshots: SnapshotDirectory,
        pages: any WebApplication, budget: ConnectionBudget, metrics: NetworkMetrics, host: any PeerHost,
        logger: Logger
    ) {
        context = PeerContext(
            loop: loop, identity: identity, settings: settings, budget: budget, network: metrics, host: host,
            logger: logger)
        let events = TransferEvents(loop: loop)
        peers = PeerTable(context)
        sender = SnapshotSender(context, events)
        receiver = SnapshotReceiver(context, events, snapshots)
        var limits = HTTPLimits()
        limits.webBodyBytesMax = settings.envelopeBytesMax
        limits.idleTimeout = settings.readTimeout
        server = HTTPServer(
            loop: loop, configuration: HTTPConfiguration(limits: limits, routes: GRPCRoutes([])), grpc: nil,
            web: RaftPages(context, peers: peers, snapshots: receiver, others: pages), budget: budget)
        repeatEvery(settings.readTimeout / 3) { [peers] in for peer in peers.all { peer.sendHeartbeats() } }
        repeatEvery(settings.readTimeout / 10) { [peers, sender, receiver] in
            for peer in peers.all { peer.checkStreams() }
            sender.checkProgress()
            receiver.checkProgress()
        }
        repeatEvery(settings.probeInterval) { [peers] in for peer in peers.all { peer.probe() } }
    }

    /// Accepts peers from a socket until `close`.
    package func serve(_ socket: ListeningSocket) throws(NetError) { try server.serve(socket) }

    /// Opens, closes and moves connections until the members are `addresses`; this one's own is skipped.
    /// What comes from `removed` members is refused from now on, and they are told.
    package func setPeers(_ addresses: [PeerAddress], removed: Set<MemberID>) {
        precondition(!isClosed, "a closed transport has no peers")
        context.removed = removed
        for id in peers.reconcile(addresses) { sender.giveUp(on: id) }
    }

    /// Sends messages, none of them a `.snapshot`. What cannot be queued is dropped and its addressee
    /// reported unreachable, once per call. Messages to members that are not known are dropped.
    package func send(_ messages: [Message]) {
        var dropped: Set<MemberID> = []
        for (place, message) in messages.enumerated() {
            if case .snapshot = message.payload { preconditionFailure("a snapshot is sent with its file") }
            if isSuperseded(message, by: messages[(place + 1)...]) { continue }
            guard let peer = peers[message.to] else { continue }
            if !peer.send(message) { dropped.insert(message.to) }
        }
        for id in dropped { context.host?.unreachable(id) }
    }

    /// An acceptance says all that an older one of the same batch says.
    private func isSuperseded(_ message: Message, by later: ArraySlice<Message>) -> Bool {
        guard case .appendAccepted(let index) = message.payload else { return false }
        return later.contains { other in
            guard case .appendAccepted(let newer) = other.payload else { return false }
            return other.to == message.to && other.term == message.term && newer >= index
        }
    }

    /// Sends the `.snap` file at `path` with `message`, a `.snapshot` that tells the file's position. A
    /// second one for the same member ends the first. The file is read until `PeerHost.snapshotSent`.
    package func sendSnapshot(_ message: Message, path: String) {
        guard case .snapshot = message.payload else { preconditionFailure("not a snapshot") }
        sender.send(message, path: path, to: message.to, url: peers[message.to]?.urls.current)
    }

    /// Cuts every connection; the owner hears nothing more.
    package func close() {
        if isClosed { return }
        isClosed = true
        context.forgetHost()
        sender.close()
        receiver.close()
        peers.close()
        context.client.close()
        server.close()
    }

    /// Both streams are up, in both directions.
    func hasAllStreams(with id: MemberID) -> Bool { peers[id]?.hasAllStreams == true }

    private func repeatEvery(_ interval: Duration, _ action: @escaping () -> Void) {
        context.loop.schedule(after: interval) { [weak self] in
            guard let self, !isClosed else { return }
            action()
            repeatEvery(interval, action)
        }
    }
}
