import HTTP
import Raft
import Store

/// The members this one speaks with, and those that made themselves known before they are members.
final class PeerTable {
    private let context: PeerContext
    private var peers: [MemberID: Peer] = [:]

    /// Strangers remembered at a time; more are not (etcd remembers all).
    private static let strangersMax = 64

    init(_ context: PeerContext) { self.context = context }

    subscript(_ id: MemberID) -> Peer? { peers[id] }

    /// Every peer; in no order.
    var all: some Collection<Peer> { peers.values }

    /// Opens, closes and moves until the members are these; answers who is none any more.
    func reconcile(_ addresses: [PeerAddress]) -> [MemberID] {
        var wanted: [MemberID: PeerAddress] = [:]
        for address in addresses where address.id != context.identity.member { wanted[address.id] = address }
        let gone = peers.values.filter { wanted[$0.id] == nil && ($0.isMember || isRemoved($0.id)) }
        for peer in gone {
            peer.close()
            peers[peer.id] = nil
        }
        for address in addresses where address.id != context.identity.member {
            let peer = peers[address.id] ?? Peer(address, context)
            peers[address.id] = peer
            peer.move(to: address.urls)
            peer.open()
        }
        return gone.map(\.id)
    }

    /// Remembers the sender of a request that says where it can be reached, and answers who it is.
    @discardableResult
    func learn(_ request: WebRequest) -> MemberID? {
        guard let sender = PeerHeaders.sender(request) else { return nil }
        learn(sender, PeerHeaders.senderURLs(request))
        return sender
    }

    func learn(_ id: MemberID, _ urls: [String]) {
        guard peers[id] == nil, id != context.identity.member, id.rawValue != 0, !urls.isEmpty,
            !isRemoved(id),
            peers.values.count(where: { !$0.isMember }) < Self.strangersMax
        else { return }
        peers[id] = Peer(PeerAddress(id: id, urls: urls), context)
    }

    func close() {
        for peer in peers.values { peer.close() }
        peers = [:]
    }

    private func isRemoved(_ id: MemberID) -> Bool { context.removed.contains(id) }
}
