import Raft
import Store
import Wire

extension InitialCluster {
    /// The members of a new cluster with their ids, and which of them this one is: what a restored data
    /// directory begins with. Texts of URLs are compared as they are; no name is resolved.
    package static func founders(
        _ text: String, name: String, advertised: String, token: String
    ) throws(Problem) -> (members: [ClusterMember], localID: MemberID) {
        let cluster = try parse(text)
        let own: [ListenURL]
        do throws(ValueError) { own = try ListenURL.list(advertised) } catch {
            throw Problem(description: error.text)
        }
        guard let member = cluster.member(named: name) else {
            throw Problem(
                description: "couldn't find local name \(goQuoted(name)) in the initial cluster "
                    + "configuration")
        }
        if let missing = member.peerURLs.first(where: { !own.contains($0) }) {
            throw Problem(
                description: "--initial-cluster has \(name)=\(missing) but missing from "
                    + "--initial-advertise-peer-urls=\(advertised)")
        }
        if let extra = own.first(where: { !member.peerURLs.contains($0) }) {
            throw Problem(
                description: "--initial-advertise-peer-urls has \(extra) but missing from "
                    + "--initial-cluster=\(cluster.text)")
        }
        let urls = cluster.members.flatMap(\.peerURLs)
        if Set(urls).count != urls.count {
            throw Problem(description: "initial cluster \(cluster.text) has duplicate url")
        }
        func id(_ member: Member) -> MemberID {
            MemberID(peerURLs: member.peerURLs.map(\.description), token: token)
        }
        let members = cluster.members.map { member in
            ClusterMember(id: id(member), peerURLs: member.peerURLs.map(\.description), name: member.name)
        }
        return (members, id(member))
    }
}
