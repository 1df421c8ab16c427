extension Node {
    /// An append, heartbeat or snapshot of the current term: its sender leads.
    mutating func receiveFromLeader(_ message: Message) {
        invariant(role != .leader, "two leaders in term \(term.rawValue)")
        if role == .follower {
            leader = message.from
            clock.sinceContact = 0
        } else {
            becomeFollower(term: term, leader: message.from)
        }
        switch message.payload {
        case .append(let append): take(append, from: message.from)
        case .heartbeat(let commit, let context):
            log.commit(through: commit)
            send(.heartbeatResponse(context: context), to: message.from, revealing: .ballot)
        case .snapshot(let metadata): take(metadata, from: message.from)
        default: preconditionFailure("not a leader's message")
        }
    }

    private mutating func take(_ append: Message.Append, from leader: MemberID) {
        if append.previous.index < log.committed {
            // An old or repeated message; what is committed is equal anyway (Raft §5.4).
            return send(.appendAccepted(log.committed), to: leader, revealing: .log)
        }
        guard log.contains(append.previous) else { return reject(append, from: leader) }
        guard append.isContiguous else { return }
        let entries = append.entries
        var known = 0
        while known < entries.count, log.contains(entries[known].id) { known += 1 }
        if known < entries.count {
            let before = LogIndex(entries[known].index.rawValue - 1)
            if before < log.last {
                log.truncate(after: before)
                outbox.truncate(after: before)
            }
            log.reserve(entries.count - known)
            for entry in entries[known...] { log.append(entry) }
        }
        let last = append.previous.index + UInt64(entries.count)
        log.commit(through: min(append.commit, last))
        send(.appendAccepted(last), to: leader, revealing: .log)
    }

    private mutating func reject(_ append: Message.Append, from leader: MemberID) {
        let hint = log.conflict(at: append.previous) ?? log.compacted
        let answer = Message.Payload.appendRejected(rejected: append.previous.index, hint: hint)
        send(answer, to: leader, revealing: .ballot)
    }

    private mutating func take(_ metadata: SnapshotMetadata, from leader: MemberID) {
        guard metadata.id.index > log.committed else {
            return send(.appendAccepted(log.committed), to: leader, revealing: .log)
        }
        if log.contains(metadata.id) {
            // The log has it all; only the commit index lagged.
            log.commit(through: metadata.id.index)
            return send(.appendAccepted(log.committed), to: leader, revealing: .log)
        }
        // A snapshot of a configuration without this member is not for it.
        guard metadata.configuration.members.contains(settings.id) else {
            return send(.appendAccepted(log.committed), to: leader, revealing: .log)
        }
        log.reset(to: metadata.id)
        outbox.forgetPending()
        applying.begin(restore: metadata)
        takeConfiguration(metadata.configuration, at: metadata.id.index, refusal: nil)
        send(.appendAccepted(log.last), to: leader, revealing: .log)
    }
}

extension Message.Append {
    /// Indexes follow `previous` without a gap and terms never fall, as every log's do.
    fileprivate var isContiguous: Bool {
        var before = previous
        for entry in entries {
            if entry.index.rawValue != before.index.rawValue + 1 || entry.term < before.term { return false }
            before = entry.id
        }
        return true
    }
}
