import HTTP
import Net
import Store

/// A read that waits until this member is known to be up to date.
enum PendingRead {
    case range(GRPCCall, RangeQuery)
    case rangeStream(GRPCCall, RangeQuery)
    case txn(GRPCCall, Transaction)
    case memberList(GRPCCall)
    case downgrade(GRPCCall, Downgrade)
    case authenticate(GRPCCall, Login)
    /// A call, with its request, whose token this member has to catch up with.
    case admission(GRPCCall, Method, [UInt8])
    /// A read of a Lock or Election call.
    case step(any QueueStep)

    var call: (GRPCCall, Method)? {
        switch self {
        case .range(let call, _): (call, .range)
        case .rangeStream(let call, _): (call, .rangeStream)
        case .txn(let call, _): (call, .txn)
        case .memberList(let call): (call, .memberList)
        case .downgrade(let call, _): (call, .downgrade)
        case .authenticate(let call, _): (call, .authenticate)
        case .admission(let call, let method, _): (call, method)
        case .step: nil
        }
    }
}

/// The linearizable reads of one loop, in rounds: everything that arrived in one pass shares one
/// ReadIndex, because a read point taken after a read arrived is good for it (Raft thesis §6.4).
///
/// A round whose answer does not come is asked again under a new token every 500 ms and fails after the
/// request timeout (spec/raft.md 4).
struct ReadRounds {
    static let retryInterval: Duration = .milliseconds(500)

    private struct Round {
        var reads: [PendingRead]
        var deadline: MonotonicTime
        var retryAt: MonotonicTime
    }

    private var gathered: [PendingRead] = []
    private var rounds: [UInt64: Round] = [:]

    /// Reads that are waiting, asked for or not.
    var count: Int { rounds.values.reduce(gathered.count) { $0 + $1.reads.count } }
    var hasGathered: Bool { !gathered.isEmpty }

    /// Adds a read to the round that the end of this pass asks for.
    mutating func gather(_ read: PendingRead) { gathered.append(read) }

    /// Everything gathered becomes the round of `token`.
    mutating func launch(token: UInt64, now: MonotonicTime, timeout: Duration) {
        rounds[token] = Round(
            reads: gathered, deadline: now + timeout, retryAt: now + Self.retryInterval)
        gathered.removeAll(keepingCapacity: true)
    }

    /// The reads of an answered round; empty for a token that was given up.
    mutating func answered(_ token: UInt64) -> [PendingRead] {
        rounds.removeValue(forKey: token)?.reads ?? []
    }

    /// Takes out every read whose round is past its deadline.
    mutating func removeExpired(now: MonotonicTime) -> [PendingRead] {
        var expired: [PendingRead] = []
        for (token, round) in rounds where round.deadline <= now {
            expired += round.reads
            rounds[token] = nil
        }
        return expired
    }

    /// Moves the rounds due for another try to new tokens, which must now be asked.
    mutating func retry(now: MonotonicTime, drawToken: () -> UInt64) -> [UInt64] {
        var tokens: [UInt64] = []
        for (token, var round) in rounds where round.retryAt <= now {
            rounds[token] = nil
            round.retryAt = now + Self.retryInterval
            let fresh = drawToken()
            rounds[fresh] = round
            tokens.append(fresh)
        }
        return tokens
    }

    /// Takes out everything.
    mutating func removeAll() -> [PendingRead] {
        let all = rounds.values.flatMap(\.reads) + gathered
        rounds.removeAll()
        gathered.removeAll()
        return all
    }
}
