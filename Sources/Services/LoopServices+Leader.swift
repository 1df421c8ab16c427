import HTTP
import Raft
import Store

/// Who waits for an answer of the leader to a request of this member's clients.
enum LeaderWaiter {
    /// The front request of the stream.
    case keepAlive(KeepAliveStream)
    case timeToLive(GRPCCall, lease: Int64)
    case promote(GRPCCall)
}

/// What a member that does not lead has the leader do (`LeaderErrand`).
extension LoopServices {
    func askLeader(_ request: LeaderErrand, _ waiter: LeaderWaiter) {
        let id = drawID()
        leaderWaiters[id] = waiter
        engine.askLeader(id, request)
    }

    /// The leader answered, or could not be asked.
    package func leaderAnswered(_ id: UInt64, _ answer: LeaderAnswer) {
        guard let waiter = leaderWaiters.removeValue(forKey: id) else { return }
        responses.term = engine.status.term
        switch (waiter, answer) {
        case (.keepAlive(let stream), _): stream.leaderAnswered(answer)
        case (.timeToLive(let call, let lease), .timeToLive(let found)):
            respondTimeToLive(call, lease: lease, found)
        case (.timeToLive(let call, let lease), .failed(.leaseNotFound)):
            respondTimeToLive(call, lease: lease, nil)
        case (.promote(let call), .members(let all)):
            respondMembers(call, .memberPromote, member: nil, all: all)
        case (.timeToLive(let call, _), .failed(let failure)):
            finish(call, .leaseTimeToLive, GRPCStatus(leader: failure))
        case (.promote(let call), .failed(let failure)):
            finish(call, .memberPromote, GRPCStatus(leader: failure))
        default: preconditionFailure("the leader's answer \(answer) is none to the request")
        }
    }

    /// Ends what still waits for the leader.
    func endLeaderWaiters(_ status: GRPCStatus) {
        for waiter in leaderWaiters.values {
            switch waiter {
            // Its stream is ended with the others.
            case .keepAlive: break
            case .timeToLive(let call, _): finish(call, .leaseTimeToLive, status)
            case .promote(let call): finish(call, .memberPromote, status)
            }
        }
        leaderWaiters.removeAll()
    }
}
