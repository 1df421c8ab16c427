import Peers
import Raft
import Services
import Store
import Telemetry
import Wire

/// Who a member is that joins a running cluster (--initial-cluster-state=existing), as the running members
/// tell it: it was added there before, by its peer URLs (spec/peer.md 11, spec/config.md 4).
struct Joining {
    let localID: MemberID
    let clusterID: UInt64
    /// Everybody in the cluster, this member among them.
    let members: [ClusterMember]

    init(_ configuration: ServerConfiguration) throws(BootError) {
        let cluster: InitialCluster
        do throws(InitialCluster.Problem) {
            cluster = try InitialCluster.parse(configuration.cluster.initialCluster)
            try cluster.verifyJoin(configuration)
        } catch {
            throw BootError(error.description)
        }
        let name = configuration.member.name
        let others = cluster.members.filter { $0.name != name }
        let view = try Self.view(others.flatMap(\.peerURLs).map(\.description))
        let pairs = try Self.pairs(cluster, view)
        guard let local = pairs[name] else {
            throw BootError("couldn't find local name \(goQuoted(name)) in the initial cluster")
        }
        localID = local
        clusterID = view.clusterID
        members = view.members
        try Self.checkVersions(members.filter { $0.id != local })
    }

    private static func view(_ urls: [String]) throws(BootError) -> ClusterInquiry.View {
        do throws(ClusterInquiry.Failure) {
            return try ClusterInquiry.members(of: urls)
        } catch {
            let reasons = error.reasons.map { "\($0.url): \($0.reason)" }.joined(separator: "; ")
            throw BootError(
                "cannot fetch cluster info from peer urls: could not retrieve cluster information from "
                    + "the given URLs (\(reasons))")
        }
    }

    /// The id of each name of --initial-cluster: the members must be the same ones, by their URLs.
    private static func pairs(
        _ cluster: InitialCluster, _ view: ClusterInquiry.View
    ) throws(BootError) -> [String: MemberID] {
        func mismatch(_ reason: String) -> BootError {
            BootError("error validating peerURLs \(view.text): \(reason)")
        }
        guard cluster.members.count == view.members.count else {
            throw mismatch("member count is unequal")
        }
        var ids: [String: MemberID] = [:]
        for member in cluster.members {
            let urls = member.peerURLs.map(\.description).sorted()
            guard let found = view.members.first(where: { $0.peerURLs.sorted() == urls }) else {
                throw mismatch("unmatched member while checking PeerURLs")
            }
            ids[member.name] = found.id
        }
        return ids
    }

    /// The cluster must be one that a server of this version can be part of, and one member must say so.
    private static func checkVersions(_ others: [ClusterMember]) throws(BootError) {
        let answers = ClusterInquiry.versions(of: others.flatMap(\.peerURLs))
        let refusal = BootError("incompatible with current running cluster")
        guard let own = ClusterVersion(Version.etcd), !answers.isEmpty else { throw refusal }
        for answer in answers.values {
            // Not decided yet: then no member has reason to refuse this one.
            guard let cluster = ClusterVersion(answer.cluster) else { continue }
            let isKnown = cluster.major == 3 && (cluster.major, cluster.minor) <= (own.major, own.minor)
            if !isKnown { throw refusal }
        }
    }
}

extension ClusterInquiry.View {
    /// As etcd prints a cluster.
    fileprivate var text: String {
        let list = members.map { member in
            "&{ID:\(member.id.hex) RaftAttributes:{PeerURLs:[\(member.peerURLs.joined(separator: " "))] "
                + "IsLearner:\(member.isLearner)} Attributes:{Name:\(member.name) "
                + "ClientURLs:[\(member.clientURLs.joined(separator: " "))]}}"
        }
        return "{ClusterID:\(String(clusterID, radix: 16)) Members:[\(list.joined(separator: " "))] "
            + "RemovedMemberIDs:[]}"
    }
}
