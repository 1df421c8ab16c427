import Journal
import Raft

/// What the fields of a raftpb.Message mean, both ways (api.md 10.4, raft.md 3).
extension WireMessage {
    /// The context of a vote asked for at the leader's own wish.
    private static let transferContext = Array("CampaignTransfer".utf8)

    init(_ message: Message) {
        self.init(.append)
        to = message.to.rawValue
        from = message.from.rawValue
        term = message.term.rawValue
        switch message.payload {
        case .append(let append):
            logTerm = append.previous.term.rawValue
            index = append.previous.index.rawValue
            entries = append.entries
            commit = append.commit.rawValue
        case .appendAccepted(let accepted):
            kind = .appendResponse
            index = accepted.rawValue
        case .appendRejected(let rejected, let hint):
            kind = .appendResponse
            index = rejected.rawValue
            isReject = true
            rejectHint = hint.index.rawValue
            logTerm = hint.term.rawValue
        case .heartbeat(let commit, let context):
            kind = .heartbeat
            self.commit = commit.rawValue
            self.context = context
        case .heartbeatResponse(let context):
            kind = .heartbeatResponse
            self.context = context
        case .vote, .preVote, .voteResponse, .preVoteResponse: setElection(message.payload)
        case .snapshot(let metadata):
            kind = .snapshot
            snapshot = metadata
        case .timeoutNow: kind = .timeoutNow
        case .transferLeadership, .proposal, .configurationProposal, .readIndex, .readIndexResponse:
            setHandedOn(message.payload)
        }
    }

    private mutating func setElection(_ payload: Message.Payload) {
        switch payload {
        case .vote(let last, let isTransfer):
            kind = .vote
            logTerm = last.term.rawValue
            index = last.index.rawValue
            if isTransfer { context = Self.transferContext }
        case .preVote(let last):
            kind = .preVote
            logTerm = last.term.rawValue
            index = last.index.rawValue
        case .voteResponse(let isGranted):
            kind = .voteResponse
            isReject = !isGranted
        case .preVoteResponse(let isGranted):
            kind = .preVoteResponse
            isReject = !isGranted
        default: preconditionFailure("not of an election")
        }
    }

    private mutating func setHandedOn(_ payload: Message.Payload) {
        switch payload {
        case .transferLeadership(let member):
            kind = .transferLeader
            from = member.rawValue
        case .proposal(let data):
            kind = .proposal
            entries = data.map { Entry(id: .zero, data: $0) }
        case .configurationProposal(let proposal):
            kind = .proposal
            entries = [Entry(id: .zero, kind: proposal.kind, data: proposal.data)]
        case .readIndex(let context):
            kind = .readIndex
            entries = [Entry(id: .zero, data: context)]
        case .readIndexResponse(let index, let context):
            kind = .readIndexResponse
            self.index = index.rawValue
            entries = [Entry(id: .zero, data: context)]
        default: preconditionFailure("not handed on")
        }
    }

    /// What the fields say; nil for a proposal of nothing. Throws where no sound member would send them:
    /// what passes here can be given to the consensus core as it is.
    func message() throws(MessageError) -> Message? {
        try checkPositions()
        guard let payload = try payload() else { return nil }
        return Message(from: MemberID(from), to: MemberID(to), term: Term(term), payload: payload)
    }

    private func payload() throws(MessageError) -> Message.Payload? {
        let position = EntryID(term: Term(logTerm), index: LogIndex(index))
        switch kind {
        case .append:
            try checkEntries(after: position)
            return .append(.init(previous: position, entries: entries, commit: LogIndex(commit)))
        case .appendResponse:
            if !isReject { return .appendAccepted(LogIndex(index)) }
            let hint = EntryID(term: Term(logTerm), index: LogIndex(rejectHint))
            return .appendRejected(rejected: LogIndex(index), hint: hint)
        case .heartbeat: return .heartbeat(commit: LogIndex(commit), context: context)
        case .heartbeatResponse: return .heartbeatResponse(context: context)
        case .vote: return .vote(last: position, isTransfer: context == Self.transferContext)
        case .preVote: return .preVote(last: position)
        case .voteResponse: return .voteResponse(isGranted: !isReject)
        case .preVoteResponse: return .preVoteResponse(isGranted: !isReject)
        case .snapshot:
            guard let snapshot else { throw .missing(9) }
            return .snapshot(snapshot)
        case .timeoutNow: return .timeoutNow
        case .transferLeader: return .transferLeadership(to: MemberID(from))
        case .proposal: return try proposal()
        case .readIndex: return .readIndex(context: try request())
        case .readIndexResponse: return .readIndexResponse(LogIndex(index), context: try request())
        }
    }

    private func proposal() throws(MessageError) -> Message.Payload? {
        guard let first = entries.first else { return nil }
        if entries.allSatisfy({ $0.kind == .normal }) { return .proposal(entries.map(\.data)) }
        guard entries.count == 1 else { throw .field(7) }
        // Safe: the span ends with the call.
        let change = unsafe try ConfigurationEntry(decoding: first.data.span.bytes, kind: first.kind).change
        return .configurationProposal(
            ConfigurationProposal(kind: first.kind, data: first.data, change: change))
    }

    /// The one entry of a read request, which carries what is echoed.
    private func request() throws(MessageError) -> [UInt8] {
        guard entries.count == 1 else { throw .field(7) }
        return entries[0].data
    }

    /// No log has an index or a term of this size; sums with them cannot overflow.
    private func checkPositions() throws(MessageError) {
        let end = UInt64(1) << 62
        for (number, field) in [(term, 4), (logTerm, 5), (index, 6), (commit, 8), (rejectHint, 11)] {
            guard number < end else { throw .field(field) }
        }
        if let snapshot, snapshot.id.index.rawValue >= end || snapshot.id.term.rawValue >= end {
            throw .field(9)
        }
    }

    /// Entries follow each other and their terms do not fall or outrun the sender's (Raft §5.3).
    private func checkEntries(after previous: EntryID) throws(MessageError) {
        var last = previous
        for entry in entries {
            guard entry.index == last.index + 1, entry.term >= last.term, entry.term <= Term(term) else {
                throw .field(7)
            }
            last = entry.id
        }
        guard last.term <= Term(term) else { throw .field(5) }
    }
}
