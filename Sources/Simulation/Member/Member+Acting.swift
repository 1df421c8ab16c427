import Journal
import MVCC
import Raft
import Replication
import Store

/// What the replica, journal and apply threads of the daemon do, step by step.
extension Member {
    /// Hands one event to the replica and does what it wants.
    func handle(_ event: Replica.Event, in running: Running) {
        running.replica.handle(event, into: &running.effects)
        act(running)
    }

    /// Does what the effects say, in the daemon's order.
    func act(_ running: Running) {
        if running.leads, !running.effects.node.committed.isEmpty {
            cluster.chase?.commits(self, in: cluster)
        }
        publish(running)
        answerRefusals(running)
        send(running)
        handOn(running)
        startWrite(running)
        if running.effects.snapshotWanted != nil {
            running.effects.snapshotWanted = nil
            running.isSnapshotPlanned = true
            plan(.snapshot(running.boot), in: chance.between(100, 100_000))
        }
        running.effects.node.configurations.removeAll(keepingCapacity: true)
    }

    /// The status: who leads, which decides who ends leases.
    private func publish(_ running: Running) {
        guard let status = running.effects.status else { return }
        running.effects.status = nil
        let leads = status.role == .leader
        if leads { cluster.referee.leads(id, in: status.term) }
        if running.leads, !leads { running.lessor.demote() }
        if leads, !running.leads { cluster.chase?.elected(self, in: cluster) }
        running.leads = leads
    }

    private func answerRefusals(_ running: Running) {
        for refusal in running.effects.refused {
            cluster.referee.dropped(refusal.tag)
            if refusal.tag == running.publishing { running.publishing = nil }
            answer(refusal.tag, .dropped, in: running)
        }
        running.effects.refused.removeAll(keepingCapacity: true)
        for token in running.effects.droppedReads { answer(token, .unknown, in: running) }
        running.effects.droppedReads.removeAll(keepingCapacity: true)
    }

    private func send(_ running: Running) {
        if running.effects.node.messages.isEmpty { return }
        let messages = running.effects.node.messages
        running.effects.node.messages.removeAll(keepingCapacity: true)
        for message in messages {
            if case .snapshot = message.payload {
                sendSnapshot(to: message, running)
            } else {
                cluster.send(message, from: self)
                if diesAfter(message) {
                    // The rest of what it wanted to say is never said.
                    return plan(.crash(running.boot), in: 0)
                }
            }
        }
    }

    /// Whoever has just bound itself, or others, loses its power at once, now and then.
    private func diesAfter(_ message: Message) -> Bool {
        guard cluster.phase == .wild else { return false }
        let scenario = cluster.scenario
        return switch message.payload {
        case .voteResponse(isGranted: true), .vote: chance.happens(scenario.crashAfterVotePermille)
        case .appendAccepted: chance.happens(scenario.crashAfterAcceptPermille)
        case .append(let append): !append.entries.isEmpty && chance.happens(scenario.crashAfterAppendPermille)
        default: false
        }
    }

    /// What is decided goes to the state machine.
    private func handOn(_ running: Running) {
        if let restore = running.effects.node.restore {
            running.effects.node.restore = nil
            // Nothing handed out before it is still wanted.
            running.applying.removeAll(keepingCapacity: true)
            running.applying.append(.restore(restore))
        }
        if !running.effects.node.committed.isEmpty {
            for entry in running.effects.node.committed { cluster.referee.committed(entry, by: id) }
            running.applying.append(.entries(running.effects.node.committed))
            running.effects.node.committed.removeAll(keepingCapacity: true)
        }
        if !running.applying.isEmpty, !running.isApplyPlanned {
            running.isApplyPlanned = true
            plan(.apply(running.boot), in: chance.skewed(1, cluster.scenario.applyTime))
        }
        if !running.effects.readable.isEmpty {
            running.readers += running.effects.readable
            running.effects.readable.removeAll(keepingCapacity: true)
            releaseReaders(running)
        }
    }

    private func startWrite(_ running: Running) {
        guard running.writing == nil, !running.effects.node.write.isEmpty else { return }
        running.writing = running.effects.node.write
        running.effects.node.write.removeAll()
        plan(.written(running.boot), in: syncTime())
    }

    /// The disk is done: the write is durable, or the member stops.
    func finishWrite(_ running: Running) {
        guard let write = running.writing else { preconditionFailure("no write is under way") }
        running.writing = nil
        guard save(write, in: running) else { return stop(running, "its log cannot be written") }
        handle(.persisted(write.sequence), in: running)
    }

    /// The daemon ends itself: what is on its disk is unknown.
    func stop(_ running: Running, _ reason: String) {
        cluster.note("member \(place) stops: \(reason)")
        running.writing = nil
        die(.powerless)
        cluster.startLater(self)
    }

    // Applying.

    func apply(_ running: Running) {
        running.isApplyPlanned = false
        let work = running.applying
        running.applying.removeAll(keepingCapacity: true)
        for work in work {
            switch work {
            case .entries(let entries):
                guard apply(entries, running) else { return }
            case .restore(let metadata):
                guard restore(metadata, running) else { return }
            }
        }
        tellWatchers(running)
    }

    /// False when the member went down meanwhile.
    private func apply(_ entries: [Entry], _ running: Running) -> Bool {
        running.results.removeAll()
        do {
            try running.machine.apply(entries, at: leaseTime, into: &running.results)
        } catch {
            cluster.referee.fail("member \(place) cannot apply: \(error)")
            return false
        }
        let results = running.results
        for reply in results.replies {
            if reply.id == running.publishing { running.isPublished = true }
            answer(reply.id, Answer(reply.outcome), in: running)
        }
        for entry in results.leaderEntries where running.leads && running.replica.status.term == entry.term {
            let extra = Int64(cluster.scenario.electionTimeout)
            running.lessor.promote(extending: .microseconds(extra), at: leaseTime)
        }
        releaseReaders(running)
        planFlush(running)
        running.appliesSinceCompared += 1
        if running.appliesSinceCompared >= 64 { compare(running) }
        if let last = entries.last { handle(.applied(last.index), in: running) }
        for decision in results.configurations where self.running === running {
            handle(.configurationDecided(decision.index, decision.change), in: running)
        }
        if !results.configurations.isEmpty, running.membership.isRemoved(id) {
            // Some time to tell the others that it is committed.
            plan(.leave(running.boot), in: 1_000_000)
        }
        return self.running === running
    }

    /// Shows the referee the whole state.
    func compare(_ running: Running) {
        running.appliesSinceCompared = 0
        do {
            let state = try ObservedState(
                keyspace: running.keyspace, reader: running.reader, lessor: running.lessor,
                membership: running.membership)
            cluster.referee.compare(state, of: id, at: running.machine.consistentIndex)
        } catch {
            cluster.referee.fail("member \(place) cannot be read: \(error)")
        }
    }

    // The database.

    func planFlush(_ running: Running) {
        if running.keyspace.isOverfull { flush(running) }
        guard !running.isFlushPlanned else { return }
        running.isFlushPlanned = true
        plan(.flush(running.boot), in: chance.between(1_000, cluster.scenario.flushInterval))
    }

    func flush(_ running: Running) {
        running.isFlushPlanned = false
        do {
            if try running.flusher.flush().hasMore { planFlush(running) }
        } catch {
            cluster.referee.fail("member \(place) cannot flush: \(error)")
        }
    }
}
