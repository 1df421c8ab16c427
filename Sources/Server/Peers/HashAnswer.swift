import HTTP
import Store

/// The answer of `/members/hashkv` (spec/peer.md 7.4).
enum HashAnswer: Equatable {
    struct Hash: Equatable {
        /// The member's current revision.
        var revision: Int64
        var hash: UInt32
        /// -1 when the store was never compacted.
        var compactRevision: Int64
        var hashRevision: Int64
    }

    case hash(Hash)
    /// The text of status 400.
    case refused(String)

    /// The revision of a request's body, `{"revision":N}`; 0, the current one, when left out.
    static func revision(ofRequest body: [UInt8]) -> Int64? {
        guard let value = JSONValue(parsing: body), case .object = value else { return nil }
        return value["revision"]?.integer ?? 0
    }

    static func request(revision: Int64) -> [UInt8] { Array("{\"revision\":\(revision)}".utf8) }

    var response: WebResponse {
        switch self {
        case .refused(let text): return .text(400, text)
        case .hash(let hash):
            let fields = [
                hash.hash != 0 ? "\"hash\":\(hash.hash)" : nil,
                hash.compactRevision != 0 ? "\"compact_revision\":\(hash.compactRevision)" : nil,
                hash.hashRevision != 0 ? "\"hash_revision\":\(hash.hashRevision)" : nil,
            ]
            let rest = fields.compactMap { $0 }.map { "," + $0 }.joined()
            return WebResponse(
                status: 200, headers: [WebHeader("Content-Type", "application/json")],
                body: Array("{\"header\":{\"revision\":\(hash.revision)}\(rest)}".utf8))
        }
    }

    /// Nil: neither a hash nor a refusal.
    init?(_ response: WebResponse) {
        if response.status == 400 {
            self = .refused(String(decoding: response.body, as: UTF8.self))
            return
        }
        guard response.status == 200, let value = JSONValue(parsing: response.body),
            let hash = UInt32(exactly: value["hash"]?.integer ?? 0)
        else { return nil }
        self = .hash(
            Hash(
                revision: value["header"]?["revision"]?.integer ?? 0, hash: hash,
                compactRevision: value["compact_revision"]?.integer ?? 0,
                hashRevision: value["hash_revision"]?.integer ?? 0))
    }
}
