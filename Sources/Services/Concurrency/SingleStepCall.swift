import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// Lock.Unlock and Election.Proclaim, Resign and Leader: one proposal or one read each (a Proclaim
/// without a lease is granted one first, as etcd's inner session does).
final class SingleStepCall: InnerCall {
    private let services: LoopServices
    private let call: GRPCCall
    private let method: Method
    private let request: Fields
    private var isOver = false

    init(_ services: LoopServices, _ call: GRPCCall, _ method: Method, _ request: Fields) {
        self.services = services
        self.call = call
        self.method = method
        self.request = request
    }

    func start() {
        call.handler = self
        services.concurrencyCalls.open[call.id] = self
        switch method {
        case .leader: services.reads.gather(.step(self))
        case .unlock:
            // An empty key is refused as any DeleteRange without one is.
            let key = request.bytes(1)
            if key.isEmpty { return failed(GRPCStatus(.keyNotProvided)) }
            var delete: [UInt8] = []
            delete.appendField(1, key)
            services.propose(.deleteRange, delete, for: self)
        default:
            guard let leader = request.message(1) else { return failed(.leaderFieldMissing) }
            if leader.bytes(2).isEmpty { return failed(GRPCStatus(.keyNotProvided)) }
            if method == .proclaim, leader.number(4) == 0 {
                let refusal = services.proposeGrant(id: 0, ttl: QueueCall.sessionTTL, .step(self))
                if let refusal { failed(refusal) }
            } else {
                proposeTxn(leader, lease: leader.number(4))
            }
        }
    }

    private func proposeTxn(_ leader: Fields, lease: Int64) {
        let key = leader.bytes(2)
        let change =
            method == .proclaim
            ? TxnBuilder.put(key, request.bytes(2), lease: lease) : TxnBuilder.delete(key)
        services.propose(
            .txn, TxnBuilder.txn(ifCreated: leader.number(3), key, then: [change]), for: self)
    }

    var asker: GRPCCall? { call }

    func replied(_ outcome: Outcome) {
        switch outcome {
        case .failure(let error): failed(GRPCStatus(error))
        case .leaseGrant(_, let id, _):
            if let leader = request.message(1), !isOver { proposeTxn(leader, lease: id) }
        case .deleteRange(let revision, _, _): succeed(services.responses.begin(revision: revision))
        case .txn(let revision, let response):
            let succeeded = TxnAnswer(revision: revision, response: response)?.succeeded ?? false
            // A Resign of somebody who does not lead any more has nothing left to do.
            if method == .proclaim, !succeeded { return failed(.electionNotLeader) }
            succeed(services.responses.begin(revision: revision))
        default: break
        }
    }

    func readable() {
        guard !isOver else { return }
        let query = electionQuery(prefix: queuePrefix(name: request.bytes(1)))
        let found: (revision: Int64, pair: FoundPair?)
        do { found = try services.findPair(query, for: call) } catch { return failed(error) }
        guard let leader = found.pair else { return failed(.electionNoLeader) }
        var message = services.responses.begin(revision: found.revision)
        message.appendField(LeaderResponse.Field.kv, always: leader.bytes)
        succeed(message)
    }

    private func succeed(_ message: [UInt8]) {
        close()
        services.respond(call, method, message)
    }

    func failed(_ status: GRPCStatus) {
        close()
        services.finish(call, method, status.asInnerClientError)
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {}

    func cancelled(_ call: GRPCCall) {
        close()
        services.cancelled(call, method)
    }

    func end(_ status: GRPCStatus) { failed(status) }

    // It never watches.
    func changed(revision: Int64, events: WatchEvents) {}
    func compacted() {}
    func wake() {}

    private func close() {
        isOver = true
        services.concurrencyCalls.open[call.id] = nil
    }
}

/// The pair of a prefix that was created first: the leader.
func electionQuery(prefix: [UInt8]) -> RangeQuery {
    var query = RangeQuery(key: prefix, rangeEnd: TxnBuilder.prefixEnd(prefix))
    query.sortOrder = .ascend
    query.sortTarget = .create
    query.limit = 1
    return query
}
