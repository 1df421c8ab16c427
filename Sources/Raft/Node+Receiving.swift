extension Node {
    /// Takes a message of another member. One that no rule expects is ignored: it is old, or of a stranger.
    package mutating func step(_ message: Message, into effects: inout Effects) {
        if message.to == settings.id, message.from != settings.id { receive(message) }
        settle(into: &effects)
    }

    /// The term rules, then the handling by kind (spec/raft.md 3).
    mutating func receive(_ message: Message) {
        if message.term.rawValue == 0 {
            if message.payload.isHandedOn { receiveHandedOn(message) }
        } else if message.term > term {
            receiveLater(message)
        } else if message.term < term {
            answerEarlier(message)
        } else {
            receiveCurrent(message)
        }
    }

    private mutating func receiveLater(_ message: Message) {
        switch message.payload {
        case .vote(_, isTransfer: false), .preVote:
            // 1. B was cut off, or removed, and its timer ran out.
            // 2. It comes back with a greater term while the others follow a living leader.
            // They do not even answer, or every return would cost an election (thesis §4.2.3).
            if isInLease { return }
        default:
            break
        }
        switch message.payload {
        case .preVote, .preVoteResponse(isGranted: true):
            // A term that may never begin.
            break
        case .append, .heartbeat, .snapshot:
            becomeFollower(term: message.term, leader: message.from)
        default:
            becomeFollower(term: message.term, leader: nil)
        }
        receiveCurrent(message)
    }

    private mutating func answerEarlier(_ message: Message) {
        switch message.payload {
        case .append, .heartbeat:
            // 1. A was cut off, campaigned alone to a greater term and came back.
            // 2. It ignores the leader for its lower term, and the others ignore A's votes.
            // This answer carries the greater term, so the leader steps down and A is let in again.
            send(.appendAccepted(LogIndex(0)), to: message.from, revealing: .ballot)
        case .preVote:
            send(.preVoteResponse(isGranted: false), to: message.from, revealing: .ballot)
        default:
            break
        }
    }

    private mutating func receiveCurrent(_ message: Message) {
        switch message.payload {
        case .vote(let last, let isTransfer):
            answerVote(message, last: last, isTransfer: isTransfer)
        case .preVote(let last):
            answerPreVote(message, last: last)
        case .voteResponse(let isGranted):
            if role == .candidate { count(vote: isGranted, of: message.from) }
        case .preVoteResponse(let isGranted):
            if role == .preCandidate { count(vote: isGranted, of: message.from) }
        case .append, .heartbeat, .snapshot:
            receiveFromLeader(message)
        case .appendAccepted, .appendRejected, .heartbeatResponse:
            if role == .leader { receiveFromFollower(message) }
        case .timeoutNow:
            if role == .follower, canCampaign { campaign(.transfer) }
        case .readIndexResponse(let index, let context):
            if role == .follower { reads.receive(index, context: context) }
        case .transferLeadership, .proposal, .configurationProposal, .readIndex:
            receiveHandedOn(message)
        }
    }

    /// What members hand to the leader of whatever term.
    private mutating func receiveHandedOn(_ message: Message) {
        guard role == .leader else {
            // Not back to where it came from: two that take each other for the leader would play ball.
            if let leader, leader != message.from, leader != settings.id {
                let onward = Message(
                    from: message.from, to: leader, term: Term(0), payload: message.payload)
                outbox.stage(onward, revealing: .ballot)
            }
            return
        }
        switch message.payload {
        case .transferLeadership(let target): beginTransfer(to: target)
        case .proposal(let data): _ = appendProposal(count: data.count) { data[$0] }
        case .configurationProposal(let proposal): _ = appendChange(proposal)
        case .readIndex(let context): beginRead(.remote(message.from, context: context))
        default: preconditionFailure("not handed on")
        }
    }

    mutating func send(
        _ payload: Message.Payload, to member: MemberID, term: Term? = nil,
        revealing revealed: Outbox.Revealed
    ) {
        let message = Message(from: settings.id, to: member, term: term ?? self.term, payload: payload)
        outbox.stage(message, revealing: revealed)
    }
}

extension Message.Payload {
    /// True for what may come with term 0, for whoever leads.
    var isHandedOn: Bool {
        switch self {
        case .transferLeadership, .proposal, .configurationProposal, .readIndex: true
        default: false
        }
    }
}
