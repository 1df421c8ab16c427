import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// A call of Lock or Election: a little client inside the server, which uses the same proposals, reads
/// and watches as a client outside would.
protocol InnerCall: GRPCHandler, QueueStep, InnerWatch {
    /// What its watcher waited for has happened; the hub may be touched again.
    func wake()
    /// The server stops.
    func end(_ status: GRPCStatus)
}

/// Where a step's proposal or read comes back to.
protocol QueueStep: AnyObject {
    /// The call by whose identity the step proposes; nil for steps that only read.
    var asker: GRPCCall? { get }
    func replied(_ outcome: Outcome)
    func readable()
    func failed(_ status: GRPCStatus)
}

/// The calls of one loop that are under way.
struct InnerCalls {
    /// By the id of the call.
    var open: [UInt64: any InnerCall] = [:]
    /// Those whose watcher saw something, to be woken when the hub is at rest.
    var noted: [any InnerCall] = []

    /// Those noted, to be woken by the caller: a call that is woken may end, and then changes `open`.
    mutating func takeNoted() -> [any InnerCall] {
        if noted.isEmpty { return [] }
        defer { noted.removeAll() }
        return noted
    }
}

extension LoopServices {
    func concurrency(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        guard let request = try? Fields(decoding: bytes) else {
            return finish(call, method, .malformedRequest)
        }
        switch method {
        case .lock, .campaign: QueueCall(self, call, method, request).start()
        case .observe: ObserveStream(self, call, name: request.bytes(1)).start()
        default: SingleStepCall(self, call, method, request).start()
        }
    }

    func endConcurrency(_ status: GRPCStatus) {
        for call in concurrencyCalls.open.values { call.end(status) }
        concurrencyCalls = InnerCalls()
    }

    /// Proposes for an inner call; a refusal comes back like a failed reply.
    func propose(_ kind: InternalRaftRequest.Kind, _ request: [UInt8], for step: any QueueStep) {
        if let refusal = propose(kind, request, .step(step)) { step.failed(refusal) }
    }

    /// The oldest or newest pair of a range, at the newest revision this member has, if `call` may read it.
    func findPair(
        _ query: RangeQuery, for call: GRPCCall
    ) throws(GRPCStatus) -> (revision: Int64, pair: FoundPair?) {
        if context.auth.isEnabled, let refusal = refusalOfReading(call, query.key, query.rangeEnd) {
            throw refusal
        }
        guard let answer = try? RangeAnswer.select(query, from: reader) else { throw .readFailed }
        defer { answer.release() }
        guard answer.length > 0 else { return (answer.revision, nil) }
        guard let record = try? answer.withRecord(0, { $0.copied() }) else { throw .readFailed }
        return (answer.revision, FoundPair(record))
    }
}

/// The key of a waiter in a queue: the name, a slash, and its lease in hexadecimal.
func queueKey(prefix: [UInt8], lease: Int64) -> [UInt8] { prefix + Array(String(lease, radix: 16).utf8) }

func queuePrefix(name: [UInt8]) -> [UInt8] { name + Array("/".utf8) }

extension GRPCStatus {
    static let sessionExpired = GRPCStatus(.unknown, "mutex: session is expired")
    static let electionNoLeader = GRPCStatus(.unknown, "election: no leader")
    static let electionNotLeader = GRPCStatus(.unknown, "election: not leader")
    static let leaderFieldMissing = GRPCStatus(.unknown, "\"leader\" field must be provided")
    static let readFailed = GRPCStatus(.unknown, "reading the database failed")
}
