import MVCC
import Raft
import Replication
import Store

/// The member's clients, and the requests of its own: what loops and housekeeper of the daemon do.
extension Member {
    /// Takes a request of a client.
    func take(_ request: Request, in running: Running) {
        guard let client = request.client else { preconditionFailure("a request has a client") }
        let waiter = Running.Waiter(client: client, call: request.call)
        switch request.operation {
        case .range(let query): read(query, for: waiter, running)
        case .keepAlive(let lease): renew(lease, for: waiter, running)
        case .change(let change): propose(change, for: waiter, running)
        default: propose(request.operation, for: waiter, running)
        }
    }

    private func propose(_ operation: Operation, for waiter: Running.Waiter?, _ running: Running) {
        let id = running.ids.draw()
        let call = waiter.map { CallID(client: $0.client, number: $0.call) }
        cluster.referee.proposed(id, operation, call: call)
        if let waiter {
            running.waiters[id] = waiter
            cluster.clients[waiter.client].proposed(id, call: waiter.call)
        }
        handle(.propose([ProposedEntry(tag: id, data: operation.entry(id: id))]), in: running)
    }

    private func propose(_ change: MembershipChange, for waiter: Running.Waiter, _ running: Running) {
        let id = running.ids.draw()
        cluster.referee.proposed(
            id, .change(change), call: CallID(client: waiter.client, number: waiter.call))
        running.waiters[id] = waiter
        cluster.clients[waiter.client].proposed(id, call: waiter.call)
        handle(.proposeConfigurationChange(tag: id, change.proposal(id: id)), in: running)
    }

    /// Answers who waits for `id`, if anybody does.
    func answer(_ id: UInt64, _ answer: Answer, in running: Running) {
        guard let waiter = running.waiters.removeValue(forKey: id) else { return }
        cluster.answer(waiter.client, waiter.call, answer, after: chance.between(50, 2_000))
    }

    // Reads.

    private func read(_ query: Operation.Query, for waiter: Running.Waiter, _ running: Running) {
        var waiter = waiter
        waiter.query = query
        let token = running.ids.draw()
        running.waiters[token] = waiter
        if query.isSerializable {
            evaluate(token, running)
        } else {
            handle(.readIndex(token: token), in: running)
        }
    }

    func releaseReaders(_ running: Running) {
        if running.readers.isEmpty { return }
        let reached = running.machine.consistentIndex
        let ready = running.readers.filter { $0.index <= reached }
        if ready.isEmpty { return }
        running.readers.removeAll { $0.index <= reached }
        for reader in ready { evaluate(reader.token, running) }
    }

    private func evaluate(_ token: UInt64, _ running: Running) {
        guard let query = running.waiters[token]?.query else { return }
        var range = RangeQuery(
            key: Key.bytes(query.span.first), rangeEnd: query.span.end.map(Key.bytes) ?? [])
        range.revision = query.revision
        range.limit = Int64(query.limit)
        do throws(ReadError) {
            let found = try RangeAnswer.select(range, from: running.reader)
            defer { found.release() }
            var body: [UInt8] = []
            do { try found.append(to: &body) } catch { throw .failed(error) }
            answer(token, .range(revision: found.revision, Answer.Found(body[...])), in: running)
        } catch .refused(let error) {
            answer(token, .refused(error), in: running)
        } catch {
            cluster.referee.fail("member \(place) cannot read: \(error)")
        }
    }

    // Leases.

    /// Keep-alives are the leader's; another member hands them on.
    private func renew(_ lease: Int64, for waiter: Running.Waiter, _ running: Running) {
        let answer: Answer
        switch running.lessor.renew(id: lease, at: leaseTime) {
        case .renewed(let ttl): answer = .renewed(ttl: ttl)
        case .notFound: answer = .renewed(ttl: 0)
        case .needsCheckpointReset, .expired: answer = .unknown
        case .notPrimary:
            return cluster.forward(lease: lease, for: waiter, to: running.replica.status.leader, from: self)
        }
        cluster.answer(waiter.client, waiter.call, answer, after: chance.between(50, 2_000))
    }

    /// Every 500 ms (the daemon looks oftener): what is expired is revoked through the log; the member makes
    /// itself known.
    func keepHouse(_ running: Running) {
        plan(.housekeeping(running.boot), in: 500_000)
        if !running.isPublished, running.replica.status.leader != nil { publish(running) }
        let term = running.replica.status.term
        let expired = running.lessor.expired(at: leaseTime)
        // The replica is another thread: leadership may have gone when it hears of this.
        if !expired.isEmpty {
            plan(.expire(running.boot, term, expired), in: chance.skewed(10, 400_000))
        }
    }

    /// Revokes expired leases through the log, unless another member has come to lead.
    func expire(_ leases: [Int64], in term: Term, _ running: Running) {
        for lease in leases {
            let id = running.ids.draw()
            let operation = Operation.revoke(lease: lease)
            cluster.referee.proposed(id, operation, call: nil, isExpiry: true)
            let entry = ProposedEntry(tag: id, data: operation.entry(id: id))
            handle(.proposeWhileLeading(term, [entry]), in: running)
        }
    }

    private func publish(_ running: Running) {
        let id = running.ids.draw()
        let operation = Operation.attributes(self.id, name: "m\(place)")
        cluster.referee.proposed(id, operation, call: nil)
        running.publishing = id
        handle(.propose([ProposedEntry(tag: id, data: operation.entry(id: id))]), in: running)
    }

    // Watches.

    /// The state has moved: a hub without watchers is not told, as in the daemon.
    func tellWatchers(_ running: Running) {
        if running.keyspace.hubsToTell != 0 { showLater(running) }
    }

    func showLater(_ running: Running) {
        plan(showIn: chance.between(1, 2_000), running)
    }

    private func plan(showIn delay: UInt64, _ running: Running) {
        if running.isShowPlanned { return }
        running.isShowPlanned = true
        plan(.showWatchers(running.boot), in: delay)
    }

    func showWatchers(_ running: Running) {
        running.isShowPlanned = false
        var budget = WatchHub.Budget()
        if chance.happens(300) { budget.revisions = Int64(1 + chance.below(5)) }
        do {
            let hasMore = try running.hub.advance(budget, into: running.screen)
            for watcher in running.screen.takeResumable(&chance) { running.hub.resume(watcher) }
            if hasMore { showLater(running) }
            // A client reads on after a while.
            if running.screen.hasBlocked { plan(showIn: chance.between(1_000, 60_000), running) }
        } catch {
            cluster.referee.fail("member \(place) cannot show its watchers: \(error)")
        }
    }
}
