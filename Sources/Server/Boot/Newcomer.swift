import Peers
import Raft
import Store

extension Booter {
    /// A member without a log: what it is in its cluster, and who else is.
    struct Newcomer {
        var localID: MemberID
        var clusterID: UInt64
        var start: Node.Start
        var others: [PeerAddress]

        init(_ localID: MemberID, _ clusterID: UInt64, _ start: Node.Start, _ members: [ClusterMember]) {
            self.localID = localID
            self.clusterID = clusterID
            self.start = start
            others = members.filter { $0.id != localID }.map { PeerAddress(id: $0.id, urls: $0.peerURLs) }
        }
    }

    /// Who this member is, by --initial-cluster and, where it joins, by what the running members say.
    func newcomer() throws(BootError) -> Newcomer {
        switch configuration.cluster.initialState {
        case .new:
            let founding = try Founding(configuration, resolve: resolve)
            try founding.checkFirstStart()
            return Newcomer(
                founding.localID, founding.clusterID, .bootstrap(founding.members), founding.founders)
        case .existing:
            let joining = try Joining(configuration)
            return Newcomer(joining.localID, joining.clusterID, .join, joining.members)
        }
    }
}
