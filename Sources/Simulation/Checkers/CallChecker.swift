import Raft
import Store

/// Names one call of one client.
struct CallID: Hashable {
    var client: Int
    var number: Int
}

/// Linearizability of what clients hear (Herlihy and Wing 1990), against the order of the log.
///
/// The log fixes one order of all writes, and each answer names the revision it was given at, so there is
/// nothing to search: a history is linearizable if every answer is what the model says at its place in that
/// order, and the order never runs against real time. For the latter each call remembers, when it begins, how
/// far the answers heard by anybody so far reach; its own place must lie beyond.
struct CallChecker {
    /// How far answers reach: everything a later call must see.
    struct Horizon {
        /// The last position in the log of a write that was answered.
        var index = LogIndex(0)
        /// The highest revision that a linearizable answer named.
        var revision: Int64 = 1
        /// The highest revision at which a compaction was answered.
        var compacted: Int64 = -1
    }

    private(set) var horizon = Horizon()
    private(set) var answered = 0
    private(set) var unknown = 0
    private(set) var reads = 0

    /// Why this answer to a write cannot be right; nil when it can.
    mutating func verdict(
        on answer: Answer, to proposal: Referee.Proposal?, begunAt begun: Horizon
    ) -> String? {
        switch answer {
        case .unknown:
            unknown += 1
            return nil
        case .dropped: return nil
        default: break
        }
        answered += 1
        guard let decided = proposal?.decided else { return "is answered \(answer), but not in the log" }
        if decided.answer != answer { return "is answered \(answer) instead of \(decided.answer)" }
        if decided.index <= begun.index {
            return "stands at \(decided.index.rawValue), before a write answered earlier, at "
                + "\(begun.index.rawValue)"
        }
        if let revision = answer.revision, revision < begun.revision {
            return "has revision \(revision), and \(begun.revision) was read before it began"
        }
        horizon.index = max(horizon.index, decided.index)
        horizon.revision = max(horizon.revision, answer.revision ?? 1)
        if case .compact(let target)? = proposal?.operation, case .compacted = answer {
            horizon.compacted = max(horizon.compacted, target)
        }
        return nil
    }

    /// Why this answer to a read cannot be right; nil when it can.
    mutating func verdict(
        on answer: Answer, to query: Operation.Query, begunAt begun: Horizon, model: Model
    ) -> String? {
        switch answer {
        case .unknown, .dropped:
            unknown += 1
            return nil
        case .refused(.compacted):
            let isCompacted = query.revision > 0 && query.revision < model.compacted
            return isCompacted ? nil : "is refused as compacted, at revision \(query.revision)"
        case .refused(.futureRevision):
            // A serializable read may be behind.
            let isFuture = query.revision > begun.revision || query.isSerializable
            return isFuture ? nil : "is refused as of the future, at revision \(query.revision)"
        case .range(let revision, let found):
            answered += 1
            reads += 1
            if revision > model.revision { return "names revision \(revision), which is not yet" }
            if !query.isSerializable {
                if revision < begun.revision {
                    return "is stale: revision \(revision), and \(begun.revision) was answered before"
                }
                if query.revision > 0, query.revision < begun.compacted {
                    return "reads at \(query.revision), compacted at \(begun.compacted) before"
                }
                horizon.revision = max(horizon.revision, revision)
            }
            let expected = model.find(query, at: query.revision > 0 ? query.revision : revision)
            return found == expected ? nil : "finds \(found) at \(revision) instead of \(expected)"
        default:
            return "is answered \(answer)"
        }
    }
}
