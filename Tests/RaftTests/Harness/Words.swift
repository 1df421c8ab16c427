@testable import Raft

/// Short words for messages and configurations, for scripts and failures.
extension Message {
    var words: String { "\(from.rawValue)->\(to.rawValue) t\(term.rawValue) \(payload.words)" }
}

extension Message.Payload {
    var words: String {
        switch self {
        case .append(let append):
            let entries = append.entries.map(\.words).joined(separator: " ")
            return "append after \(append.previous.words) [\(entries)] commit \(append.commit.rawValue)"
        case .appendAccepted(let index): return "accepted \(index.rawValue)"
        case .appendRejected(let rejected, let hint):
            return "rejected \(rejected.rawValue) hint \(hint.words)"
        case .heartbeat(let commit, let context):
            return "heartbeat commit \(commit.rawValue)" + (context.isEmpty ? "" : " round \(context[0])")
        case .heartbeatResponse(let context):
            return "alive" + (context.isEmpty ? "" : " round \(context[0])")
        case .vote(let last, let isTransfer):
            return "vote? log \(last.words)" + (isTransfer ? " transfer" : "")
        case .voteResponse(let isGranted): return isGranted ? "vote yes" : "vote no"
        case .preVote(let last): return "prevote? log \(last.words)"
        case .preVoteResponse(let isGranted): return isGranted ? "prevote yes" : "prevote no"
        case .snapshot(let metadata): return "snapshot \(metadata.id.words) \(metadata.configuration.words)"
        case .timeoutNow: return "timeout now"
        case .transferLeadership(let member): return "transfer to \(member.rawValue)"
        case .proposal(let data): return "propose \(data.map { String(decoding: $0, as: UTF8.self) })"
        case .configurationProposal: return "propose change"
        case .readIndex(let context): return "read \(context.last ?? 0)"
        case .readIndexResponse(let index, let context):
            return "read \(context.last ?? 0) at \(index.rawValue)"
        }
    }
}

extension EntryID {
    /// index/term.
    var words: String { "\(index.rawValue)/\(term.rawValue)" }
}

extension Entry {
    var words: String {
        switch kind {
        case .normal: id.words + (data.isEmpty ? "" : "=" + String(decoding: data, as: UTF8.self))
        case .configurationChange, .configurationChangeV2: id.words + "=change"
        }
    }
}

extension ConfigurationState {
    var words: String {
        func list(_ name: String, _ members: [MemberID]) -> String {
            members.isEmpty ? "" : " \(name) " + members.map { "\($0.rawValue)" }.joined(separator: ",")
        }
        let words =
            list("voters", voters) + list("outgoing", votersOutgoing) + list("learners", learners)
            + list("next", learnersNext)
        return "(" + words.drop { $0 == " " } + ")"
    }
}
