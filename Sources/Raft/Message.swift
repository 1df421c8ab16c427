/// One message between members. On the wire a raftpb.Message; `Peers` encodes it.
package struct Message: Equatable, Sendable {
    package var from: MemberID
    package var to: MemberID
    /// The sender's term; of a pre-vote and its grant, the term that would begin.
    /// 0 for what is handed on to a leader of whatever term: proposals, reads, transfers.
    package var term: Term
    package var payload: Payload

    package init(from: MemberID, to: MemberID, term: Term, payload: Payload) {
        self.from = from
        self.to = to
        self.term = term
        self.payload = payload
    }

    package enum Payload: Equatable, Sendable {
        /// MsgApp.
        case append(Append)
        /// MsgAppResp: everything up to this index is durable and equals the leader's log.
        case appendAccepted(LogIndex)
        /// MsgAppResp with reject: the append that followed `rejected` does not fit.
        /// `hint`: where the logs may meet at the latest (rejectHint, logTerm; term 0 from old members).
        case appendRejected(rejected: LogIndex, hint: EntryID)
        /// MsgHeartbeat; `context` is echoed as it is, whatever its length.
        case heartbeat(commit: LogIndex, context: [UInt8])
        case heartbeatResponse(context: [UInt8])
        /// MsgVote. `isTransfer`: context "CampaignTransfer", which overrules leader stickiness.
        case vote(last: EntryID, isTransfer: Bool)
        case voteResponse(isGranted: Bool)
        /// MsgPreVote.
        case preVote(last: EntryID)
        case preVoteResponse(isGranted: Bool)
        /// MsgSnap. The sender's driver may send a later state than the one named here; it then says so here.
        case snapshot(SnapshotMetadata)
        case timeoutNow
        /// MsgTransferLeader, to the leader; on the wire `from` is the member that shall lead.
        case transferLeadership(to: MemberID)
        /// MsgProp with normal entries, to the leader.
        case proposal([[UInt8]])
        /// MsgProp with one configuration change, to the leader.
        case configurationProposal(ConfigurationProposal)
        /// MsgReadIndex, to the leader; `context` comes back in the answer.
        case readIndex(context: [UInt8])
        /// MsgReadIndexResp.
        case readIndexResponse(LogIndex, context: [UInt8])
    }

    package struct Append: Equatable, Sendable {
        /// The position that the entries follow (index and logTerm on the wire).
        package var previous: EntryID
        package var entries: [Entry]
        package var commit: LogIndex

        package init(previous: EntryID, entries: [Entry], commit: LogIndex) {
            self.previous = previous
            self.entries = entries
            self.commit = commit
        }
    }
}

/// A configuration change on its way into the log.
package struct ConfigurationProposal: Equatable, Sendable {
    /// `.configurationChange` or `.configurationChangeV2`: which form `data` has.
    package var kind: Entry.Kind
    /// The entry's data: a raftpb.ConfChange or ConfChangeV2.
    package var data: [UInt8]
    /// What `data` says.
    package var change: ConfigurationChange

    package init(kind: Entry.Kind, data: [UInt8], change: ConfigurationChange) {
        precondition(kind != .normal)
        self.kind = kind
        self.data = data
        self.change = change
    }
}
