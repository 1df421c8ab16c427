/// What a node begins with, checked: the log, term and configuration of a `Node.Start`.
struct Origin {
    var log: Log
    var term: Term
    var vote: MemberID?
    var saved: HardState
    var configuration: ConfigurationState

    init(_ start: Node.Start) throws(Node.StartError) {
        switch start {
        case .bootstrap(let members): try self.init(bootstrapping: members)
        case .restart(let restart): try self.init(restart)
        case .join: self.init()
        }
    }

    /// Nothing yet: the leader will send it all.
    private init() {
        log = Log(compacted: .zero, entries: [], committed: LogIndex(0), applied: LogIndex(0))
        term = Term(0)
        saved = HardState()
        configuration = ConfigurationState()
    }

    private init(bootstrapping members: [Node.BootstrapMember]) throws(Node.StartError) {
        if members.isEmpty { throw .noMembers }
        log = Log(compacted: .zero, entries: [], committed: LogIndex(0), applied: LogIndex(0))
        term = Term(1)
        // Nothing of this is on disk: the first write carries it all.
        saved = HardState()
        configuration = ConfigurationState()
        for member in members {
            let id = EntryID(term: term, index: log.last + 1)
            log.append(Entry(id: id, kind: .configurationChange, data: member.data))
            configuration.voters.insertOnce(member.id)
        }
        log.commit(through: log.last)
    }

    private init(_ restart: Node.Restart) throws(Node.StartError) {
        var previous = restart.compacted
        for entry in restart.entries {
            if entry.index.rawValue != previous.index.rawValue + 1 {
                throw .gap(after: previous.index, found: entry.index)
            }
            if entry.term < previous.term { throw .termFalls(at: entry.index) }
            previous = entry.id
        }
        let applied = restart.applied.id.index
        // The commit index is written without a sync of its own and may lag behind what was applied.
        let commit = max(restart.hardState.commit, applied)
        if commit > previous.index { throw .commitBeyondLog(commit: commit, last: previous.index) }
        if applied < restart.compacted.index { throw .appliedOutsideLog(applied) }
        log = Log(
            compacted: restart.compacted, entries: restart.entries, committed: commit, applied: applied)
        saved = restart.hardState
        configuration = restart.applied.configuration
        // 1. A write of entries and hard state is torn between the two.
        // 2. The entries' term is then above the one on disk, and no message of that write left.
        // So the term is theirs, and no vote was cast in it.
        term = max(restart.hardState.term, previous.term)
        vote = term == restart.hardState.term ? restart.hardState.vote : nil
    }
}
