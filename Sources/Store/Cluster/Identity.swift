import COpenSSL
import Raft

/// Ids derived by hashing (peer.md 1): the first 8 bytes, big-endian, of a SHA-1.
extension MemberID {
    /// A member of a new cluster: the hash of its sorted peer URLs and the cluster token.
    package init(peerURLs: [String], token: String) {
        self.init(firstOfSHA1(Array((peerURLs.sorted().joined() + token).utf8)))
    }

    /// A member added to a running cluster: the hash of its sorted peer URLs and the time, in seconds
    /// since 1970 as decimal text. (The token is left out there, on purpose or not.)
    package init(peerURLs: [String], addedAt seconds: Int64) {
        self.init(firstOfSHA1(Array((peerURLs.sorted().joined() + String(seconds)).utf8)))
    }
}

/// The id of a cluster that starts with these members; fixed for its life.
package func clusterID(of members: [MemberID]) -> UInt64 {
    var bytes: [UInt8] = []
    for member in members.sorted() {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: member.rawValue >> UInt64(shift)))
        }
    }
    return firstOfSHA1(bytes)
}

private func firstOfSHA1(_ bytes: [UInt8]) -> UInt64 {
    var digest = [UInt8](repeating: 0, count: 20)
    // SHA1 reads bytes.count bytes and writes the 20 of the digest; both arrays outlive the call.
    let written = unsafe SHA1(bytes, bytes.count, &digest)
    precondition(unsafe written != nil)
    return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
}
