import Raft

/// Who this member is to its peers; it goes with every request (spec/peer.md 2.1).
package struct PeerIdentity: Sendable {
    package var member: MemberID
    package var cluster: UInt64
    /// The full version, `3.5.33`.
    package var version: String
    /// The lowest cluster version this member can be part of, `3.0.0`.
    package var minimumVersion: String
    /// Where others reach it (--initial-advertise-peer-urls); they learn it from our requests.
    package var peerURLs: [String]

    package init(
        member: MemberID, cluster: UInt64, version: String, minimumVersion: String, peerURLs: [String]
    ) {
        precondition(member.rawValue != 0, "a member has an id")
        self.member = member
        self.cluster = cluster
        self.version = version
        self.minimumVersion = minimumVersion
        self.peerURLs = peerURLs
    }
}

/// Another member and where its peer port is.
package struct PeerAddress: Equatable, Sendable {
    package var id: MemberID
    /// Tried in turn: a URL that fails is left for the next one.
    package var urls: [String]

    package init(id: MemberID, urls: [String]) {
        self.id = id
        self.urls = urls
    }
}
