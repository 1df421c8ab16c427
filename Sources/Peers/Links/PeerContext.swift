import HTTP
import Logging
import Net
import Raft
import Store
import Telemetry

/// What everything of one transport shares; on its loop.
final class PeerContext {
    let loop: EventLoop
    let identity: PeerIdentity
    let settings: PeerSettings
    let connector: Connector
    let client: PeerClient
    let links = PeerLinks()
    let network: NetworkMetrics
    let logger: Logger
    private(set) weak var host: (any PeerHost)?
    /// Members that were removed for good: what they say is refused.
    var removed: Set<MemberID> = []
    /// Members that told us that we are removed.
    private var removers: Set<MemberID> = []

    init(
        loop: EventLoop, identity: PeerIdentity, settings: PeerSettings, budget: ConnectionBudget,
        network: NetworkMetrics, host: any PeerHost, logger: Logger
    ) {
        self.loop = loop
        self.identity = identity
        self.settings = settings
        connector = Connector(loop: loop, budget: budget)
        client = PeerClient(loop: loop, connector: connector)
        self.network = network
        self.host = host
        self.logger = logger
    }

    /// Hands a message of a stream on, unless it is not for this member or from a removed one.
    func deliver(_ message: Message) {
        guard message.to == identity.member, !removed.contains(message.from) else {
            logger.warning(
                "dropped a message that is not for this member or from a removed one",
                metadata: ["from": "\(message.from.hex)", "to": "\(message.to.hex)"])
            return
        }
        if case .snapshot = message.payload { return }  // a snapshot comes with its file
        host?.received(message)
    }

    /// `id` says that this member was removed.
    func removed(by id: MemberID) {
        if removers.insert(id).inserted { host?.removed(by: id) }
    }

    /// Nobody hears of anything any more.
    func forgetHost() { host = nil }
}

/// The counters of one peer, looked up once.
struct PeerMetrics {
    let sentBytes: Counter
    let receivedBytes: Counter
    let sentFailures: Counter
    let receivedFailures: Counter
    let roundTripTime: Histogram
    let isActive: Gauge
    let isKnown: Gauge
    let disconnections: Counter

    init(_ id: MemberID, _ context: PeerContext) {
        let (network, local, remote) = (context.network, context.identity.member.hex, id.hex)
        sentBytes = network.peerSentBytes.with(remote)
        receivedBytes = network.peerReceivedBytes.with(remote)
        sentFailures = network.peerSentFailures.with(remote)
        receivedFailures = network.peerReceivedFailures.with(remote)
        roundTripTime = network.roundTripTime.with(remote)
        isActive = network.activePeers.with(local, remote)
        isKnown = network.knownPeers.with(local, remote)
        disconnections = network.disconnectedPeers.with(local, remote)
    }
}
