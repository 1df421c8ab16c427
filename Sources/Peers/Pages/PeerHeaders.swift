import HTTP
import Raft
import Store

/// The headers between members (spec/peer.md 2.1) and the checks made on them (2.2).
///
/// Names are spelled as Go's server and client really write them; they compare without case.
enum PeerHeaders {
    static let from = "X-Server-From"
    static let version = "X-Server-Version"
    static let minimumVersion = "X-Min-Cluster-Version"
    static let cluster = "X-Etcd-Cluster-Id"
    static let urls = "X-Peerurls"
    static let to = "X-Raft-To"
    /// Ours: which bytes follow the message of a snapshot. etcd's members send none (a bbolt file).
    static let snapshotFormat = "X-Snapshot-Format"
    static let ownSnapshotFormat = "swift-etcd.snap"

    /// What every /raft request says about its sender.
    static func ofRequest(_ identity: PeerIdentity) -> [WebHeader] {
        [
            WebHeader(from, identity.member.hex), WebHeader(version, identity.version),
            WebHeader(minimumVersion, identity.minimumVersion),
            WebHeader(cluster, String(identity.cluster, radix: 16)),
            WebHeader(urls, identity.peerURLs.joined(separator: ",")),
        ]
    }

    /// The member that sent a request, when it says so.
    static func sender(_ request: WebRequest) -> MemberID? {
        request.header(from).flatMap { MemberID(hex: $0) }
    }

    /// Where the sender can be reached, when it says so.
    static func senderURLs(_ request: WebRequest) -> [String] {
        (request.header(urls) ?? "").split(separator: ",").map(String.init)
    }

    /// The checks common to all /raft requests, in etcd's order; nil when they pass.
    static func refusal(_ request: WebRequest, method: String, _ identity: PeerIdentity) -> WebResponse? {
        guard request.method == method else {
            var refusal = text(405, "Method Not Allowed", identity)
            refusal.headers.append(WebHeader("Allow", method))
            return refusal
        }
        let theirs = PeerVersion(request.header(version) ?? "")
        let theirMinimum = PeerVersion(request.header(minimumVersion) ?? "")
        guard theirs >= PeerVersion(identity.minimumVersion), theirMinimum <= PeerVersion(identity.version)
        else { return text(412, "incompatible version", identity) }
        guard request.header(cluster) == String(identity.cluster, radix: 16) else {
            return text(412, "cluster ID mismatch", identity)
        }
        return nil
    }

    /// An error as Go's http.Error writes it, under the cluster's id.
    static func text(_ status: Int, _ body: String, _ identity: PeerIdentity) -> WebResponse {
        WebResponse(
            status: status,
            headers: [
                WebHeader("Content-Type", "text/plain; charset=utf-8"),
                WebHeader("X-Content-Type-Options", "nosniff"),
                WebHeader(cluster, String(identity.cluster, radix: 16)),
            ], body: Array((body + "\n").utf8))
    }

    /// An error as etcd's HTTPError writes it (spec/peer.md 12).
    static func json(_ status: Int, _ message: String, _ identity: PeerIdentity) -> WebResponse {
        WebResponse(
            status: status,
            headers: [
                WebHeader("Content-Type", "application/json"),
                WebHeader(cluster, String(identity.cluster, radix: 16)),
            ], body: Array("{\"message\":\"\(message)\"}".utf8))
    }
}

/// Major and minor of a version; what cannot be read, or is not there, counts as 2.0.
struct PeerVersion: Comparable {
    let major: Int
    let minor: Int

    init(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            (major, minor) = (2, 0)
            return
        }
        (self.major, self.minor) = (major, minor)
    }

    static func < (left: PeerVersion, right: PeerVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
