/// Why an election is held.
enum Campaign {
    /// A question only: would you vote for me? (thesis §9.6)
    case preElection
    case election
    /// The leader asked for it: stickiness does not apply (thesis §3.10).
    case transfer
}

extension Node {
    var isSoleVoter: Bool { roster.configuration.isSoleVoter(settings.id) }

    /// The leader was heard of within the shortest election timeout (thesis §4.2.3).
    var isInLease: Bool { leader != nil && clock.sinceContact < settings.electionTicks }

    /// A voter that has its state, and has applied every configuration change it knows to be committed.
    ///
    /// 1. {A, B} is changed to {A, B, C} and on to {A, C}: committed, not applied by B.
    /// 2. B campaigns in the configuration it knows and wins with A's vote, while A and C elect A.
    var canCampaign: Bool {
        roster.configuration.isVoter(settings.id) && applying.restore == nil
            && !log.hasChange(after: log.applied, through: log.committed)
    }

    mutating func becomeFollower(term: Term, leader: MemberID?) {
        reset(to: term)
        role = .follower
        self.leader = leader
    }

    mutating func campaign(_ kind: Campaign) {
        precondition(role != .leader)
        switch kind {
        case .preElection:
            becomePreCandidate()
        case .election, .transfer:
            becomeCandidate()
        }
        if role == .preCandidate {
            // A pre-vote changes nothing that must be remembered, so one's own counts at once.
            count(vote: true, of: settings.id)
            if role != .preCandidate { return }
        } else {
            send(.voteResponse(isGranted: true), to: settings.id, revealing: .ballot)
        }
        for member in roster.progress where isRival(member.id) {
            switch kind {
            case .preElection:
                let next = Term(term.rawValue + 1)
                send(.preVote(last: log.lastID), to: member.id, term: next, revealing: .ballot)
            case .election, .transfer:
                // The vote is asked for a log: it must not be longer than what survives a crash.
                let question = Message.Payload.vote(last: log.lastID, isTransfer: kind == .transfer)
                send(question, to: member.id, revealing: .log)
            }
        }
    }

    private func isRival(_ member: MemberID) -> Bool {
        member != settings.id && roster.configuration.isVoter(member)
    }

    private mutating func becomePreCandidate() {
        role = .preCandidate
        leader = nil
        for place in roster.progress.indices { roster[place].vote = nil }
    }

    private mutating func becomeCandidate() {
        reset(to: Term(term.rawValue + 1))
        role = .candidate
        vote = settings.id
    }

    /// Takes one answer in the election at hand; the first of a member counts.
    mutating func count(vote isGranted: Bool, of member: MemberID) {
        guard let place = roster.place(of: member) else { return }
        if roster[place].vote == nil { roster[place].vote = isGranted }
        switch roster.tally(\.vote) {
        case .pending:
            break
        case .won:
            if role == .preCandidate { campaign(.election) } else { becomeLeader() }
        case .lost:
            // The answers carried no greater term, or this member would follow already.
            becomeFollower(term: term, leader: nil)
        }
    }

    mutating func answerVote(_ message: Message, last: EntryID, isTransfer: Bool) {
        let isFree = vote == message.from || (vote == nil && leader == nil)
        let isGranted = isFree && last >= log.lastID
        if isGranted {
            vote = message.from
            clock.sinceContact = 0
        }
        send(.voteResponse(isGranted: isGranted), to: message.from, revealing: .ballot)
    }

    mutating func answerPreVote(_ message: Message, last: EntryID) {
        let isFree = message.term > term || vote == message.from || (vote == nil && leader == nil)
        let isGranted = isFree && last >= log.lastID
        // A refusal tells one's own term, so that a candidate behind learns of it.
        send(
            .preVoteResponse(isGranted: isGranted), to: message.from,
            term: isGranted ? message.term : term, revealing: .ballot)
    }

    /// Begins a role anew: nothing known of others, no vote in a new term.
    mutating func reset(to term: Term) {
        precondition(term >= self.term)
        if term != self.term {
            self.term = term
            vote = nil
        }
        leader = nil
        clock.sinceContact = 0
        clock.sinceHeartbeat = 0
        clock.redraw(electionTicks: settings.electionTicks, isAlone: isSoleVoter)
        office = Office()
        reads.abandon()
        let next = log.last + 1
        for place in roster.progress.indices { roster[place].reset(next: next) }
    }
}
