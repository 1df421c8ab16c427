import Raft

/// The two streams that a member keeps open to each other member (spec/peer.md 2.3): it dials both to
/// receive, and accepts both to send.
enum StreamKind: CaseIterable {
    /// Appends (msgapp); they may be large, and nothing else waits behind them.
    case appends
    /// Everything else.
    case messages

    /// The path without the requester's id.
    var path: String {
        switch self {
        case .appends: "/raft/stream/msgapp"
        case .messages: "/raft/stream/message"
        }
    }

    /// etcd's names, for the log.
    var name: String {
        switch self {
        case .appends: "stream MsgApp v2"
        case .messages: "stream Message"
        }
    }
}
