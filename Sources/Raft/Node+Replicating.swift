extension Node {
    /// An answer of a follower in this term.
    mutating func receiveFromFollower(_ message: Message) {
        guard let place = roster.place(of: message.from), message.from != settings.id else { return }
        roster[place].isRecentlyActive = true
        switch message.payload {
        case .appendAccepted(let index):
            // A follower that has more than this leader is of another cluster, or lies.
            if index <= log.last { accept(index, at: place) }
        case .appendRejected(let rejected, let hint):
            reject(rejected, hint: hint, at: place)
        case .heartbeatResponse(let context):
            roster[place].resume()
            roster[place].freeFirstInflight()
            if roster[place].match < log.last || roster[place].state == .probe {
                _ = sendAppend(at: place, allowsEmpty: true)
            }
            confirmRead(context, at: place)
        default:
            preconditionFailure("not a follower's message")
        }
    }

    private mutating func accept(_ index: LogIndex, at place: Int) {
        let wasPaused = roster[place].isPaused
        let isNews = roster[place].acknowledge(index)
        guard isNews || (roster[place].match == index && roster[place].state == .probe) else { return }
        switch roster[place].state {
        case .probe:
            roster[place].becomeReplicate()
        case .replicate:
            roster[place].freeInflights(through: index)
        case .snapshot:
            // It need not be the snapshot that came: whatever brought it within reach of the log will do.
            if roster[place].match.rawValue + 1 >= log.first.rawValue { roster[place].becomeReplicate() }
        }
        let before = log.committed
        advanceCommit()
        if log.committed == before, wasPaused { _ = sendAppend(at: place, allowsEmpty: needsCommit(place)) }
        while sendAppend(at: place, allowsEmpty: false) {}
        if office.transferee == roster[place].id, roster[place].match == log.last {
            send(.timeoutNow, to: roster[place].id, revealing: .ballot)
        }
    }

    private mutating func reject(_ rejected: LogIndex, hint: EntryID, at place: Int) {
        var meeting = hint.index
        // Members of before raft 3.5 tell no term; then only the index helps.
        if hint.term.rawValue > 0 { meeting = log.conflict(at: hint)?.index ?? meeting }
        guard roster[place].reject(rejected, hint: meeting) else { return }
        if roster[place].state == .replicate { roster[place].becomeProbe() }
        _ = sendAppend(at: place, allowsEmpty: true)
    }

    /// Sends every follower what it lacks, or at least the commit index.
    mutating func broadcastAppends() {
        for place in roster.progress.indices where roster[place].id != settings.id {
            _ = sendAppend(at: place, allowsEmpty: needsCommit(place))
        }
    }

    private func needsCommit(_ place: Int) -> Bool { roster[place].toldCommit < log.committed }

    /// Sends one append, or a snapshot where the log begins too late; false when nothing was sent.
    mutating func sendAppend(at place: Int, allowsEmpty: Bool) -> Bool {
        if roster[place].isPaused { return false }
        let member = roster[place].id
        let next = roster[place].next
        let previous = LogIndex(next.rawValue - 1)
        guard let previousTerm = log.term(at: previous) else { return sendSnapshot(at: place) }
        let entries = log.entries(from: next, bytesMax: settings.limits.messageBytesMax)
        if entries.isEmpty, !allowsEmpty { return false }
        let append = Message.Append(
            previous: EntryID(term: previousTerm, index: previous), entries: Array(entries),
            commit: log.committed)
        send(.append(append), to: member, revealing: .ballot)
        var bytes = 0
        for entry in append.entries { bytes += entry.size }
        roster[place].sent(last: append.entries.last?.index, bytes: bytes, commit: log.committed)
        return true
    }

    /// Names the state this member has applied; its driver sends that or a later one.
    private mutating func sendSnapshot(at place: Int) -> Bool {
        // A silent member would only have the stream wait for it.
        guard roster[place].isRecentlyActive, applying.restore == nil,
            let term = log.term(at: log.applied)
        else { return false }
        let id = EntryID(term: term, index: log.applied)
        let metadata = SnapshotMetadata(id: id, configuration: roster.configuration)
        roster[place].becomeSnapshot(id.index)
        send(.snapshot(metadata), to: roster[place].id, revealing: .ballot)
        return true
    }

    mutating func broadcastHeartbeats() {
        let context = reads.context
        for place in roster.progress.indices where roster[place].id != settings.id {
            // Not beyond what the member is known to have: the rest of its log may differ (Raft §5.3).
            let commit = min(roster[place].match, log.committed)
            send(.heartbeat(commit: commit, context: context), to: roster[place].id, revealing: .ballot)
        }
    }

    /// A message to `member` could not be delivered.
    package mutating func unreachable(_ member: MemberID, into effects: inout Effects) {
        if role == .leader, let place = roster.place(of: member), roster[place].state == .replicate {
            roster[place].becomeProbe()
        }
        settle(into: &effects)
    }

    /// The snapshot stream to `member` has ended.
    package mutating func snapshotSent(
        to member: MemberID, hasArrived: Bool, into effects: inout Effects
    ) {
        if role == .leader, let place = roster.place(of: member), roster[place].isInstallingSnapshot {
            if hasArrived { roster[place].becomeProbe() } else { roster[place].forgetSnapshot() }
            // It installs it now, or is in trouble: wait for its next sign of life.
            roster[place].awaitAnswer()
        }
        settle(into: &effects)
    }
}
