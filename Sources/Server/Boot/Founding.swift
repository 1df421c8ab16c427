import Peers
import Raft
import Services
import Store

/// Who a member of a new cluster is, and the entries every founding member begins its log with.
struct Founding {
    let localID: MemberID
    let clusterID: UInt64
    /// Ascending by id: one raftpb.ConfChange of kind AddNode each (spec/raft.md 2).
    let members: [Node.BootstrapMember]
    let founders: [ClusterMember]

    /// From --initial-cluster and its token, checked against the member's own name and URLs.
    init(_ configuration: ServerConfiguration, resolve: (String) -> [String]) throws(BootError) {
        let cluster: InitialCluster
        do throws(InitialCluster.Problem) {
            cluster = try InitialCluster.parse(configuration.cluster.initialCluster)
            try cluster.verify(configuration, resolve: resolve)
        } catch {
            throw BootError(error.description)
        }
        let token = configuration.cluster.token
        var founders: [ClusterMember] = []
        for member in cluster.members {
            let urls = member.peerURLs.map(\.description)
            let id = MemberID(peerURLs: urls, token: token)
            founders.append(ClusterMember(id: id, peerURLs: urls, name: member.name))
        }
        founders.sort { $0.id < $1.id }
        guard let local = founders.first(where: { $0.name == configuration.member.name }) else {
            throw BootError("couldn't find local name \(configuration.member.name) in the initial cluster")
        }
        localID = local.id
        clusterID = Store.clusterID(of: founders.map(\.id))
        self.founders = founders
        members = founders.map { founder in
            let change = MembershipProposal(.add(founder))
            return Node.BootstrapMember(id: founder.id, data: change.entryData(id: 0))
        }
    }

    /// Asks the others whether this member has been in the cluster before: a member that lost its data must
    /// not vote again as if it had never voted. Nobody answers: the cluster is new.
    func checkFirstStart() throws(BootError) {
        let urls = founders.filter { $0.id != localID }.flatMap(\.peerURLs)
        guard !urls.isEmpty, let view = try? ClusterInquiry.members(of: urls, timeout: .seconds(1)) else {
            return
        }
        if view.members.contains(where: { $0.id == localID && !$0.clientURLs.isEmpty }) {
            throw BootError("member \(localID.hex) has already been bootstrapped")
        }
    }
}
