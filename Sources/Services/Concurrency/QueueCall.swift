import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// Lock.Lock and Election.Campaign: a place in the queue of a prefix, until everybody before is gone.
///
///     granting ──▶ joining ──▶ finding ◀──▶ watching(the one before)
///      (lease 0)      │           │
///                     │           ▼
///     proclaiming ◀───┘         over
///
/// The queue's order is that of create revisions. Each waits for the newest key before its own only, so
/// that one departure wakes one waiter. Source: api.md 18.
final class QueueCall: InnerCall {
    /// Seconds of the lease granted to a request without one.
    static let sessionTTL: Int64 = 60

    private enum State {
        case granting
        case joining
        /// The key was there already with another value.
        case proclaiming
        /// Waiting for a read point.
        case finding
        case watching(WatcherID)
        case over
    }

    private let services: LoopServices
    private let call: GRPCCall
    private let method: Method
    private let name: [UInt8]
    private let prefix: [UInt8]
    private let value: [UInt8]
    private var lease: Int64
    private var key: [UInt8] = []
    /// The create revision of `key`; 0 before it is in the queue.
    private var ownRevision: Int64 = 0
    /// Campaign answers with the header of its first transaction.
    private var joinRevision: Int64 = 0
    private var state = State.granting

    init(_ services: LoopServices, _ call: GRPCCall, _ method: Method, _ request: Fields) {
        self.services = services
        self.call = call
        self.method = method
        name = request.bytes(1)
        prefix = queuePrefix(name: name)
        lease = request.number(2)
        value = method == .campaign ? request.bytes(3) : []
    }

    func start() {
        call.handler = self
        services.concurrencyCalls.open[call.id] = self
        guard lease == 0 else { return join() }
        if let refusal = services.proposeGrant(id: 0, ttl: Self.sessionTTL, .step(self)) { failed(refusal) }
    }

    private func join() {
        state = .joining
        key = queueKey(prefix: prefix, lease: lease)
        let oldest = TxnBuilder.getOldest(prefix: prefix)
        services.propose(
            .txn,
            TxnBuilder.txn(
                ifCreated: 0, key, then: [TxnBuilder.put(key, value, lease: lease), oldest],
                else: [TxnBuilder.get(key), oldest]),
            for: self)
    }

    // Answers.

    var asker: GRPCCall? { call }

    func replied(_ outcome: Outcome) {
        switch (state, outcome) {
        case (_, .failure(let error)): failed(GRPCStatus(error))
        case (.granting, .leaseGrant(_, let id, _)):
            lease = id
            join()
        case (.joining, .txn(let revision, let response)):
            guard let answer = TxnAnswer(revision: revision, response: response) else {
                return failed(.readFailed)
            }
            joined(answer)
        case (.proclaiming, .txn(let revision, let response)):
            guard TxnAnswer(revision: revision, response: response)?.succeeded == true else {
                return failed(.electionNotLeader)
            }
            find()
        // Cancelled while the key was on its way into the queue.
        case (.over, .txn(let revision, let response)):
            if TxnAnswer(revision: revision, response: response)?.succeeded == true, ownRevision == 0 {
                leave()
            }
        default: break
        }
    }

    private func joined(_ answer: TxnAnswer) {
        joinRevision = answer.revision
        ownRevision = answer.succeeded ? answer.revision : answer.pair(0)?.createRevision ?? answer.revision
        if method == .campaign, !answer.succeeded, answer.pair(0)?.value != value {
            state = .proclaiming
            return services.propose(
                .txn,
                TxnBuilder.txn(
                    ifCreated: ownRevision, key, then: [TxnBuilder.put(key, value, lease: lease)]),
                for: self)
        }
        let oldest = answer.pair(1)?.createRevision ?? ownRevision
        if method == .lock, oldest == ownRevision { return succeed(revision: answer.revision) }
        find()
    }

    private func find() {
        state = .finding
        services.reads.gather(.step(self))
    }

    func readable() {
        guard case .finding = state else { return }
        var query = RangeQuery(key: prefix, rangeEnd: TxnBuilder.prefixEnd(prefix))
        query.sortOrder = .descend
        query.sortTarget = .create
        query.maxCreateRevision = ownRevision - 1
        query.limit = 1
        let found: (revision: Int64, pair: FoundPair?)
        do { found = try services.findPair(query, for: call) } catch { return failed(error) }
        guard let before = found.pair else { return isFirst() }
        var options = WatchOptions(range: KeyRange(key: before.key, rangeEnd: []))
        options.startRevision = found.revision
        options.wantsPuts = false
        let watcher = services.hub.create(options).watcher
        services.router[watcher] = .inner(self)
        services.hubHasWork = true
        state = .watching(watcher)
    }

    /// Nobody is before us, if we are still there ourselves.
    private func isFirst() {
        if method == .campaign { return succeed(revision: joinRevision) }
        do {
            let own = try services.findPair(RangeQuery(key: key), for: call)
            if own.pair == nil { failed(.sessionExpired) } else { succeed(revision: own.revision) }
        } catch { failed(error) }
    }

    func changed(revision: Int64, events: WatchEvents) { services.concurrencyCalls.noted.append(self) }

    func compacted() { services.concurrencyCalls.noted.append(self) }

    func wake() {
        guard case .watching = state else { return }
        stopWatching()
        find()
    }

    private func succeed(revision: Int64) {
        close()
        var message = services.responses.begin(revision: revision)
        if method == .lock {
            message.appendField(2, key)
        } else {
            var leader: [UInt8] = []
            leader.appendField(1, name)
            leader.appendField(2, key)
            leader.appendField(3, ownRevision)
            leader.appendField(4, lease)
            message.appendField(2, always: leader)
        }
        services.respond(call, method, message)
    }

    // Ends.

    func failed(_ status: GRPCStatus) {
        if case .over = state { return }
        let isQueued = ownRevision != 0
        close()
        if isQueued { leave() }
        services.finish(call, method, status.asInnerClientError)
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {}

    func cancelled(_ call: GRPCCall) {
        let isQueued = ownRevision != 0
        close()
        if isQueued { leave() }
        services.cancelled(call, method)
    }

    func end(_ status: GRPCStatus) {
        close()
        services.finish(call, method, status.asInnerClientError)
    }

    private func close() {
        stopWatching()
        state = .over
        services.concurrencyCalls.open[call.id] = nil
    }

    private func stopWatching() {
        guard case .watching(let watcher) = state else { return }
        services.hub.cancel(watcher)
        services.router[watcher] = nil
    }

    /// Takes the own key out of the queue; nobody waits for it.
    private func leave() {
        var request: [UInt8] = []
        request.appendField(1, key)
        _ = services.propose(.deleteRange, request, .unattended)
    }
}
