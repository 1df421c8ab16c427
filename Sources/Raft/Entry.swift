/// One entry of the replicated log.
package struct Entry: Equatable, Sendable {
    /// Raw values are raftpb.EntryType's.
    package enum Kind: UInt64, Sendable {
        case normal = 0
        case configurationChange = 1
        case configurationChangeV2 = 2
    }

    package var id: EntryID
    package var kind: Kind
    /// normal: an InternalRaftRequest, or empty for the entry a new leader appends.
    /// configurationChange: a raftpb.ConfChange.
    package var data: [UInt8]

    package var term: Term { id.term }
    package var index: LogIndex { id.index }

    package init(id: EntryID, kind: Kind = .normal, data: [UInt8]) {
        self.id = id
        self.kind = kind
        self.data = data
    }
}

/// What a member must never forget (Raft §5, figure 2). Raw form: raftpb.HardState.
package struct HardState: Equatable, Sendable {
    package var term: Term
    package var vote: MemberID?
    package var commit: LogIndex

    package init(term: Term = Term(0), vote: MemberID? = nil, commit: LogIndex = LogIndex(0)) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }
}

/// Who takes part, as stored in snapshots (raftpb.ConfState); every list ascending.
package struct ConfigurationState: Equatable, Sendable {
    package var voters: [MemberID]
    package var learners: [MemberID]
    /// The old majority while a joint change is under way; empty otherwise.
    package var votersOutgoing: [MemberID]
    package var learnersNext: [MemberID]
    package var autoLeave: Bool

    package init(
        voters: [MemberID] = [], learners: [MemberID] = [], votersOutgoing: [MemberID] = [],
        learnersNext: [MemberID] = [], autoLeave: Bool = false
    ) {
        self.voters = voters
        self.learners = learners
        self.votersOutgoing = votersOutgoing
        self.learnersNext = learnersNext
        self.autoLeave = autoLeave
    }
}

/// The log position and configuration a snapshot stands for.
package struct SnapshotMetadata: Equatable, Sendable {
    package var id: EntryID
    package var configuration: ConfigurationState

    package init(id: EntryID, configuration: ConfigurationState) {
        self.id = id
        self.configuration = configuration
    }
}
