import EtcdAPI
import HTTP
import Net
import Raft
import Store

/// What Server calls, on this loop, when something has happened. See `Engine` for the pairing.
extension LoopServices {
    /// Entries this loop proposed were applied.
    package func replies(_ replies: [Reply]) {
        responses.term = engine.status.term
        for reply in replies {
            guard let waiter = waiters.remove(reply.id) else { continue }
            answer(waiter, reply.outcome)
        }
    }

    /// Proposals that never entered the log.
    package func dropped(_ ids: [UInt64], _ reason: DropReason) {
        let status: GRPCStatus =
            switch reason {
            case .dropped: .proposalDropped
            case .tooManyRequests: .tooManyRequests
            }
        for id in ids {
            guard let waiter = waiters.remove(id) else { continue }
            counters.proposalsFailed += 1
            fail(waiter, status)
        }
    }

    /// This member has applied everything up to the read points of `tokens`.
    package func readable(_ tokens: [UInt64]) {
        responses.term = engine.status.term
        for token in tokens {
            for read in reads.answered(token) { perform(read) }
        }
    }

    /// Rounds no leader could answer; the next retry or the timeout deals with their reads.
    package func readsDropped(_ tokens: [UInt64]) {
        counters.failedReadIndexes += UInt64(tokens.count)
    }

    /// Everything up to `revision` can be read; watchers are shown it at the end of the pass.
    package func visible(_ revision: Int64) {
        hubHasWork = true
    }

    /// A maintenance operation ended.
    package func performed(_ id: UInt64, _ result: MaintenanceResult) {
        guard let (call, method) = operations.removeValue(forKey: id), call.isOpen else { return }
        responses.term = engine.status.term
        finishMaintenance(call, method, result)
    }

    /// The physical compaction through `revision` is done and on disk.
    package func compacted(through revision: Int64) {
        responses.term = engine.status.term
        for call in compactions.finish(through: revision) { respondCompacted(call) }
    }

    /// The leader this member knows is another one, or none.
    package func leaderChanged() {
        counters.failedReadIndexes += UInt64(reads.count)
        for read in reads.removeAll() { fail(read, .leaderChanged) }
    }

    /// Shows the watchers what is new, and asks for the read point of everything this pass gathered.
    ///
    /// True when watchers have more to catch up: run another pass without sleeping.
    @discardableResult package func endOfPass() -> Bool {
        if hubHasWork {
            responses.term = engine.status.term
            advanceHub()
        }
        if reads.hasGathered {
            let token = drawID()
            reads.launch(token: token, now: now, timeout: limits.requestTimeout)
            engine.readIndex(token)
        }
        return hubHasWork
    }

    /// Time has passed: timeouts, retries and the periodic work.
    package func tick(now: MonotonicTime) {
        self.now = now
        responses.term = engine.status.term
        for waiter in waiters.removeExpired(now: now) {
            counters.proposalsFailed += 1
            fail(waiter, timeoutStatus())
        }
        for read in reads.removeExpired(now: now) { fail(read, timeoutStatus()) }
        for waiter in passwords.removeExpired(now: now) { fail(waiter, timeoutStatus()) }
        for token in reads.retry(now: now, drawToken: drawID) {
            counters.slowReadIndexes += 1
            engine.readIndex(token)
        }
        runPeriodicWork()
    }

    /// Why a request that is as old as the request timeout got no answer, as far as this member can tell
    /// (spec/raft.md 9).
    func timeoutStatus() -> GRPCStatus {
        let start = now + (.zero - limits.requestTimeout)
        let status = engine.status
        if let elected = status.leaderSince, start < elected,
            elected - start < limits.electionTimeout * 2
        {
            return .timedOutOverLeader
        }
        guard let leader = status.leader else { return .requestTimedOut }
        let active = engine.activePeers
        func isHeard(_ id: MemberID) -> Bool {
            id == context.member || active[id].map { $0 <= start } ?? false
        }
        if leader != context.member { return isHeard(leader) ? .requestTimedOut : .timedOutOverConnection }
        let voters = context.membership.members.filter { !$0.isLearner }
        let heard = voters.count { isHeard($0.id) }
        return heard > voters.count / 2 ? .requestTimedOut : .timedOutOverConnection
    }

    /// Ends whatever waits on a proposal that will not be answered.
    func fail(_ waiter: Waiter, _ status: GRPCStatus) {
        switch waiter {
        case .step(let step): step.failed(status)
        // The lessor hands a lease out again whose revoke did not come.
        case .expiry, .unattended: break
        default: if let (call, method) = waiter.call { finish(call, method, status) }
        }
    }

    /// Ends a read that cannot be made linearizable.
    func fail(_ read: PendingRead, _ status: GRPCStatus) {
        switch read {
        case .step(let step): step.failed(status)
        default: if let (call, method) = read.call { finish(call, method, status) }
        }
    }

    /// Evaluates a read whose read point is reached, unless its client is gone.
    private func perform(_ read: PendingRead) {
        if let (call, _) = read.call, !call.isOpen { return }
        switch read {
        case .range(let call, let query): evaluate(call, query)
        case .rangeStream(let call, let query): startStreaming(call, query)
        case .txn(let call, let transaction): evaluate(call, transaction)
        case .memberList(let call): respondMemberList(call)
        case .downgrade(let call, let request): continueDowngrade(call, request)
        case .authenticate(let call, let login): checkPassword(call, login)
        case .admission(let call, let method, let request): admit(call, method, request)
        case .step(let step): step.readable()
        }
    }

    private func answer(_ waiter: Waiter, _ outcome: Outcome) {
        if case .step(let step) = waiter { return step.replied(outcome) }
        if case .noSpace(let call, let method) = waiter {
            return finish(call, method, GRPCStatus(.noSpace))
        }
        if case .failure(let error) = outcome { return fail(waiter, GRPCStatus(error)) }
        switch (waiter, outcome) {
        case (.put(let call), .put(let revision, let previous)):
            respondPut(call, revision: revision, previous: previous)
        case (.deleteRange(let call), .deleteRange(let revision, let deleted, let previous)):
            respondDeleteRange(call, revision: revision, deleted: deleted, previous: previous)
        case (.txn(let call), .txn(let revision, let response)):
            respondTxn(call, revision: revision, response: response)
        case (.compaction(let call, let physical), .compaction(let revision, let compacted)):
            compactionApplied(call, physical: physical, revision: revision, compacted: compacted)
        case (.leaseGrant(let call), .leaseGrant(let revision, let id, let ttl)):
            respondLeaseGrant(call, revision: revision, id: id, ttl: ttl)
        case (.leaseRevoke(let call), .leaseRevoke(let revision)):
            respond(call, .leaseRevoke, responses.begin(revision: revision))
        case (.alarm(let call), .alarm(let revision, let alarms)):
            respondAlarm(call, revision: revision, alarms: alarms)
        case (.memberAdd, .members(let member, let all)), (.memberRemove, .members(let member, let all)),
            (.memberUpdate, .members(let member, let all)), (.memberPromote, .members(let member, let all)):
            if let (call, method) = waiter.call { respondMembers(call, method, member: member, all: all) }
        case (.downgrade(let call), .downgradeInfo): respondDowngrade(call)
        case (.auth(let call, let method), .auth(let outcome)): respondAuth(call, method, outcome)
        case (.token(let call, let login, let revision), .auth(let outcome)):
            respondToken(call, login, checkedAt: revision, outcome)
        case (.expiry, .leaseRevoke), (.unattended, _): break
        default: preconditionFailure("the reply \(outcome) does not answer \(waiter)")
        }
    }
}
