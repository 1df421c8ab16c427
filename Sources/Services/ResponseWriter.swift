import EtcdAPI
import Raft
import Wire

/// Builds responses in pieces: the header, then fields and stored bytes spliced in behind it.
struct ResponseWriter {
    private let clusterID: UInt64
    private let memberID: UInt64
    private let identity: [UInt8]
    /// The term headers carry, refreshed at every entry point that answers.
    var term = Term(0)

    init(clusterID: UInt64, memberID: UInt64) {
        self.clusterID = clusterID
        self.memberID = memberID
        identity = .responseIdentity(clusterID: clusterID, memberID: memberID)
    }

    /// A response that begins with its header; `reserving` bytes more are expected.
    func begin(revision: Int64, reserving: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(48 + reserving)
        bytes.appendResponseHeader(identity: identity, revision: revision, raftTerm: term.rawValue)
        return bytes
    }

    /// The header as a generated message, for responses built of them.
    func header(revision: Int64) -> ResponseHeader {
        var header = ResponseHeader()
        header.clusterID = clusterID
        header.memberID = memberID
        header.revision = revision
        header.raftTerm = term.rawValue
        return header
    }
}
