import Terminal

/// The filter of `-entry-type`: an entry is shown when one of the types fits.
package struct EntryTypes: Sendable, Equatable {
    /// As it was given; it is printed at the end.
    package let text: String
    private let types: [Kind]

    enum Kind: Sendable, Equatable {
        case configuration, normal, v2, request
        /// A request by its field in InternalRaftRequest.
        case named(String)
    }

    package static let standard = "Normal,ConfigChange"

    private static let names: [String: Kind] = [
        "ConfigChange": .configuration, "Normal": .normal, "Request": .v2, "InternalRaftRequest": .request,
        "IRRRange": .named("range"), "IRRPut": .named("put"), "IRRDeleteRange": .named("delete_range"),
        "IRRTxn": .named("txn"), "IRRCompaction": .named("compaction"),
        "IRRLeaseGrant": .named("lease_grant"), "IRRLeaseRevoke": .named("lease_revoke"),
        "IRRLeaseCheckpoint": .named("lease_checkpoint"),
    ]

    /// Reads a comma list; `complain` is told of each name that is none, which is then passed over.
    package init(_ text: String, complain: (String) -> Void) {
        self.text = text
        var types: [Kind] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            if let type = Self.names[String(name)] {
                types.append(type)
            } else {
                complain("\(name) is not a valid entry-type, ignored")
            }
        }
        self.types = types
    }

    package func matches(_ message: EntryMessage) -> Bool {
        types.contains { type in
            switch (type, message) {
            case (.configuration, .configuration): true
            case (.normal, .request), (.normal, .v2), (.normal, .undecodable): true
            case (.v2, .v2), (.request, .request): true
            case (.named(let name), .request(let request)): request[name] != nil
            default: false
            }
        }
    }
}
