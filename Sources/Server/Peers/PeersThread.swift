import HTTP
import Journal
import Logging
import Net
import Peers
import Raft
import Services
import Store
import Telemetry

/// The event loop of the peer port: Raft's messages between this member and the others, and what members
/// ask each other besides. It waits for no disk, so that heartbeats go on while one is slow.
final class PeersThread {
    private let member: Member
    private let loop: EventLoop
    private let transport: PeerTransport
    private let mail: PeerMail
    private let desk: LeaderDesk
    private let requests: LeaderErrands
    private let pages: ErrandPages
    private let versions: ClusterVersionPoll
    private let corruption: CorruptionMonitor
    private let initialCheck: InitialCorruptionCheck
    private var haste: ElectionHaste
    /// Members known before the log told of them: of a new cluster, or of one that is joined.
    private let founders: [PeerAddress]
    private var batch: [PeersInput] = []
    private var answers: [LoopInput] = []

    private static let tickInterval: Duration = .milliseconds(250)

    /// `founders`: the other members as boot found them.
    init(member: Member, sockets: [ListeningSocket], founders: [PeerAddress], budget: ConnectionBudget) throws
    {
        self.member = member
        self.founders = founders
        loop = try EventLoop(doorbell: member.switchboard.peersBell)
        desk = LeaderDesk(member: member, loop: loop)
        pages = ErrandPages(member: member, desk: desk)
        mail = PeerMail(
            loop: loop, switchboard: member.switchboard, ending: member.ending, logger: member.logger)
        let configuration = member.configuration
        transport = PeerTransport(
            loop: loop,
            identity: PeerIdentity(
                member: member.metadata.memberID, cluster: member.metadata.clusterID, version: Version.etcd,
                minimumVersion: Version.minimumCluster,
                peerURLs: configuration.cluster.advertisePeerURLs.map(\.description)),
            settings: PeerSettings(electionTimeout: configuration.consensus.electionTimeout),
            snapshots: member.snapshots, pages: pages, budget: budget, metrics: member.metrics.network,
            host: mail, logger: member.logger)
        requests = LeaderErrands(member: member, loop: loop, client: transport.client, desk: desk)
        versions = ClusterVersionPoll(member: member, client: transport.client)
        corruption = CorruptionMonitor(member: member, client: transport.client, pages: pages, desk: desk)
        initialCheck = InitialCorruptionCheck(member: member, client: transport.client, pages: pages)
        haste = ElectionHaste(member: member, links: transport.links, now: loop.now)
        member.link.connect(transport.links)
        for socket in sockets { try transport.serve(socket) }
    }

    /// Runs until told to stop.
    func run() {
        loop.onWake { [unowned self] in takeInboxes() }
        loop.atEndOfPass { [unowned self] in
            mail.endOfPass()
            haste.look(at: loop.now)
        }
        connectMembers()
        initialCheck.begin()
        tick()
        loop.run()
    }

    private func tick() {
        haste.look(at: loop.now)
        versions.tick(now: loop.now)
        corruption.tick(now: loop.now)
        loop.schedule(after: Self.tickInterval) { [unowned self] in tick() }
    }

    private func takeInboxes() {
        member.switchboard.peers.drain(into: &batch)
        for input in batch { take(input) }
        batch.removeAll(keepingCapacity: true)
        member.switchboard.peersAnswers.drain(into: &answers)
        for input in answers { take(input) }
        answers.removeAll(keepingCapacity: true)
    }

    private func take(_ input: PeersInput) {
        switch input {
        case .send(let messages): transport.send(messages)
        case .sendSnapshot(let message, let path): transport.sendSnapshot(message, path: path)
        case .membershipChanged: connectMembers()
        case .askLeader(let id, let request): requests.ask(id, request)
        case .stop:
            transport.close()
            loop.stop()
        }
    }

    private func take(_ input: LoopInput) {
        switch input {
        case .applied(let batch): for reply in batch.replies { desk.replied(reply) }
        case .dropped(let tags, _): desk.dropped(tags)
        case .performed(let id, let result): pages.performed(id, result)
        default: break
        }
    }

    /// Connects with the members as the log has them, and with founders it has not told of yet: a member
    /// that joins learns of the others one entry at a time, over the links it would otherwise give up.
    private func connectMembers() {
        let membership = member.membership
        let removed = Set(membership.removedIDs)
        var peers = membership.members.map { PeerAddress(id: $0.id, urls: $0.peerURLs) }
        for founder in founders where !removed.contains(founder.id) {
            if !peers.contains(where: { $0.id == founder.id }) { peers.append(founder) }
        }
        peers.removeAll { $0.id == membership.localID }
        transport.setPeers(peers, removed: removed)
        if removed.contains(membership.localID) { member.ending.removed(after: loop) }
    }
}
