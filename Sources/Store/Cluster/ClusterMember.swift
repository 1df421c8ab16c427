import Raft

/// A member of the cluster as the log and the buckets tell it.
package struct ClusterMember: Sendable, Equatable {
    package var id: MemberID
    package var peerURLs: [String]
    package var isLearner: Bool
    /// Empty until the member published its attributes; then it counts as started.
    package var name: String
    package var clientURLs: [String]

    package init(
        id: MemberID, peerURLs: [String], isLearner: Bool = false, name: String = "",
        clientURLs: [String] = []
    ) {
        self.id = id
        self.peerURLs = peerURLs
        self.isLearner = isLearner
        self.name = name
        self.clientURLs = clientURLs
    }

    package var isStarted: Bool { !name.isEmpty }

    /// The JSON of bucket `members`, of `/members` on the peer port and of configuration changes:
    /// `{"id":N,"peerURLs":[…],"isLearner":true,"name":"…","clientURLs":[…]}`, where the last three
    /// are left out at their defaults (peer.md 7.1 and 9).
    package var json: String { json(isPromote: false) }

    func json(isPromote: Bool) -> String {
        var text = "{\"id\":\(id.rawValue),\"peerURLs\":"
        text += peerURLs.isEmpty ? "null" : JSONText.array(peerURLs)
        if isLearner { text += ",\"isLearner\":true" }
        if !name.isEmpty { text += ",\"name\":" + JSONText.string(name) }
        if !clientURLs.isEmpty { text += ",\"clientURLs\":" + JSONText.array(clientURLs) }
        if isPromote { text += ",\"isPromote\":true" }
        return text + "}"
    }

    /// Reads what `json` writes; every field but the id may be missing. Nil for anything else.
    package init?(json bytes: [UInt8]) {
        guard let value = JSONValue(parsing: bytes) else { return nil }
        self.init(value)
    }

    init?(_ value: JSONValue) {
        guard let id = value["id"]?.unsigned else { return nil }
        self.init(
            id: MemberID(id), peerURLs: value["peerURLs"]?.texts ?? [],
            isLearner: value["isLearner"]?.flag ?? false, name: value["name"]?.text ?? "",
            clientURLs: value["clientURLs"]?.texts ?? [])
    }

    /// The body of GET /members: an array by ascending id, and a line end.
    package static func list(_ members: [ClusterMember]) -> String {
        let sorted = members.sorted { $0.id < $1.id }
        return "[" + sorted.map(\.json).joined(separator: ",") + "]\n"
    }

    /// Reads the body of GET /members.
    package static func list(parsing bytes: [UInt8]) -> [ClusterMember]? {
        guard case .array(let values)? = JSONValue(parsing: bytes) else { return nil }
        let members = values.compactMap { ClusterMember($0) }
        return members.count == values.count ? members : nil
    }
}

extension MemberID {
    /// Lower-case hexadecimal without padding, as every text shows ids.
    package var hex: String { String(rawValue, radix: 16) }

    package init?(hex: some StringProtocol) {
        guard let value = UInt64(hex, radix: 16) else { return nil }
        self.init(value)
    }
}
