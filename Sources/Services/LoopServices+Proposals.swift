import EtcdAPI
import HTTP
import Net
import Raft
import Store
import Wire

/// How a request gets into the log.
extension LoopServices {
    /// Wraps the client's own bytes as a log entry and proposes it; the answer goes to `waiter`.
    ///
    /// Nil when proposed, else why not. The size that counts is that of the entry (errors.md 1). `isBrief`:
    /// as `Engine.propose` has it.
    func propose(
        _ kind: InternalRaftRequest.Kind, _ request: borrowing RawSpan, _ waiter: Waiter,
        isBrief: Bool = false
    ) -> GRPCStatus? {
        var asker = AuthIdentity()
        if context.auth.isEnabled {
            do { asker = try identity(of: waiter) } catch { return GRPCStatus(error) }
        }
        let id = drawID()
        var data: [UInt8] = []
        data.reserveCapacity(request.byteCount + 32)
        data.appendInternalRaftRequest(
            kind, request, id: id, username: asker.user, authRevision: asker.revision)
        guard data.count <= limits.requestBytesMax else { return .requestTooLarge }
        waiters.insert(waiter, id: id, deadline: now + limits.requestTimeout)
        engine.propose(id, data, isBrief: isBrief)
        return nil
    }

    /// As `propose`, for a client's call: a refusal is its answer.
    func proposeOrRefuse(
        _ call: GRPCCall, _ method: Method, _ kind: InternalRaftRequest.Kind, _ request: borrowing RawSpan,
        _ waiter: Waiter, isBrief: Bool = false
    ) {
        if let refusal = propose(kind, request, waiter, isBrief: isBrief) { finish(call, method, refusal) }
    }

    /// Whether `cost` more bytes fit the quota. A request that costs nothing always passes.
    func fitsQuota(cost: Int) -> Bool {
        guard cost > 0, let quota = limits.quotaBytes else { return true }
        return engine.backendSize.inUse + Int64(cost) < quota
    }

    /// Answers "database space exceeded", after the alarm that keeps all members from writing is in
    /// force (api.md 12.3).
    func refuseForSpace(_ call: GRPCCall, _ method: Method) {
        if context.alarms.list(.noSpace).contains(where: { $0.member == context.member }) {
            return finish(call, method, GRPCStatus(.noSpace))
        }
        var request: [UInt8] = []
        request.appendField(1, UInt64(1))  // action ACTIVATE
        request.appendField(2, context.member.rawValue)
        request.appendField(3, UInt64(1))  // alarm NOSPACE
        proposeOrRefuse(call, method, .alarm, request, .noSpace(call, method))
    }
}
