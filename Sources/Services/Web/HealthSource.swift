/// What the health pages ask of the server. One per event loop; called on that loop only.
package protocol HealthSource: AnyObject {
    var isLeaderKnown: Bool { get }
    var isLearner: Bool { get }
    /// Every alarm that is raised, of any member.
    var raisedAlarms: [HealthAlarm] { get }
    /// `3.5.0`; nil before the cluster has decided.
    var clusterVersion: String? { get }
    /// Raft's state as one JSON value, for /debug/vars.
    var raftStatus: String { get }
    /// Reads one key from this member's own data; the error's text, or nil.
    func readSerializable() -> String?
    /// Reads one key behind a read round. `completion` is called once, on the loop, with the error's
    /// text or nil, at the latest when a request's time is over.
    func readLinearizable(_ completion: @escaping (String?) -> Void)
}

/// A raised alarm; the raw value is its name in a query and in an answer.
package enum HealthAlarm: String, Sendable {
    case noSpace = "NOSPACE"
    case corrupt = "CORRUPT"
    case unknown = "UNKNOWN"
}
