import HTTP
import Raft
import Store

/// What only the leader can do and no log entry carries: another member asks it over its peer port
/// (spec/peer.md 7).
package enum LeaderErrand: Equatable, Sendable {
    case keepAlive(lease: Int64)
    case timeToLive(lease: Int64, wantsKeys: Bool)
    case promote(MemberID)
}

/// How a request to the leader ended.
package enum LeaderAnswer: Equatable, Sendable {
    /// The lease's full TTL, in seconds.
    case renewed(ttl: Int64)
    case timeToLive(Lessor.TimeToLive)
    /// The promotion was applied: all members as the leader sees them, by ascending id.
    case members([ClusterMember])
    case failed(Failure)

    package enum Failure: Equatable, Sendable {
        case leaseNotFound
        case memberNotFound
        case memberNotLearner
        case learnerNotReady
        /// The leader did not apply in time what it had committed.
        case applyTooSlow
        /// No leader was known, or none could be reached, for the request timeout.
        case timedOut
        /// The leader's own words.
        case other(String)
    }
}

extension GRPCStatus {
    /// What a client of this member is told when the leader refused.
    init(leader failure: LeaderAnswer.Failure) {
        self =
            switch failure {
            case .leaseNotFound: GRPCStatus(.leaseNotFound)
            case .memberNotFound: GRPCStatus(.memberNotFound)
            case .memberNotLearner: GRPCStatus(.memberNotLearner)
            case .learnerNotReady: .learnerNotReady
            case .applyTooSlow: .applyTooSlow
            case .timedOut: .requestTimedOut
            case .other(let text): GRPCStatus(.unknown, text)
            }
    }
}
