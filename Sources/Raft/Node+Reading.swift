extension Node {
    /// Asks for an index at which a read is linearizable; answered by `readable`, or `droppedReads`, or,
    /// handed to a leader who is lost meanwhile, not at all: ask again with another token.
    ///
    /// `token` must not repeat, not even after a restart: an answer to an old one would be stale.
    package mutating func readIndex(_ token: UInt64, into effects: inout Effects) {
        if role == .leader {
            beginRead(.local(token))
        } else if let leader {
            send(
                .readIndex(context: ReadRounds.context(of: token)), to: leader, term: Term(0),
                revealing: .ballot)
        } else {
            reads.drop(.local(token))
        }
        settle(into: &effects)
    }

    mutating func beginRead(_ origin: ReadRounds.Origin) {
        precondition(role == .leader)
        // 1. A leader is elected; the last one had committed and acknowledged a write.
        // 2. The new leader has the entry, but does not know yet that it is committed.
        // A read at its commit index would miss the write, so it waits for the first commit of the term
        // (thesis §6.4). That holds for a single voter too, whose commit index on disk may lag.
        if log.term(at: log.committed) != term {
            reads.waitForCommit(origin)
        } else if isSoleVoter {
            answerRead(origin, at: log.committed)
        } else {
            reads.wait(origin, index: log.committed)
        }
    }

    /// The commit index has moved: reads that waited for the first commit of the term go on.
    mutating func releaseReads() {
        for origin in reads.takeEarly() { beginRead(origin) }
    }

    /// Sends a round of heartbeats when reads wait for one and none is under way.
    mutating func startReadRound() {
        if !reads.isRoundWanted { return }
        reads.startRound()
        broadcastHeartbeats()
        // The quorum may be this member alone, beside learners.
        confirmReads()
    }

    mutating func confirmRead(_ context: [UInt8], at place: Int) {
        guard let round = reads.round(in: context), round > roster[place].confirmedRound else { return }
        roster[place].confirmedRound = round
        confirmReads()
    }

    /// Answers the reads of every round that a quorum of the present configuration has confirmed.
    mutating func confirmReads() {
        if let place = roster.place(of: settings.id) { roster[place].confirmedRound = reads.current }
        guard let round = roster.quorumRound else { return }
        for read in reads.confirm(through: round) { answerRead(read.origin, at: read.index) }
    }

    private mutating func answerRead(_ origin: ReadRounds.Origin, at index: LogIndex) {
        switch origin {
        case .local(let token): reads.answer(token, at: index)
        case .remote(let member, let context):
            send(.readIndexResponse(index, context: context), to: member, revealing: .ballot)
        }
    }
}
