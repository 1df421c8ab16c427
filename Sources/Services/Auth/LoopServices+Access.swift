import HTTP
import Raft
import Store
import Wire

/// Who a call comes from and what they may do, while authentication is on (api.md 17.4 and 17.5).
///
/// Writes are judged when they are applied, by the identity in their entry; here only what does not go
/// through the log, and what no entry says. Nothing of this costs anything while authentication is off: the
/// callers ask `context.auth.isEnabled` first.
extension LoopServices {
    // Identity.

    /// Anonymous when the call brings no token. Throws `invalidAuthToken`.
    func identity(of call: GRPCCall) throws(StoreError) -> AuthIdentity {
        guard let token = Self.token(of: call) else { return AuthIdentity() }
        return try context.auth.identity(token: token, at: leaseTime)
    }

    private static func token(of call: GRPCCall) -> [UInt8]? {
        if let token = call.metadata("token") { return token }
        guard let value = call.metadata("authorization") else { return nil }
        let prefix = Array("Bearer ".utf8)
        return value.starts(with: prefix) ? Array(value.dropFirst(prefix.count)) : value
    }

    /// By whom a proposal is made: the member itself, or whoever's call waits for it.
    func identity(of waiter: Waiter) throws(StoreError) -> AuthIdentity {
        switch waiter {
        case .expiry, .unattended, .noSpace: return context.auth.serverIdentity
        // The password has spoken for the user.
        case .token: return AuthIdentity()
        case .step(let step):
            guard let call = step.asker else { preconditionFailure("a step that proposes has a call") }
            return try identity(of: call)
        default:
            guard let (call, _) = waiter.call else { preconditionFailure("nobody asks for \(waiter)") }
            return try identity(of: call)
        }
    }

    /// The call's token may be of an entry that this member has not applied yet (another member answered the
    /// Authenticate): the call has to wait for a read point.
    func isTokenAhead(of call: GRPCCall) -> Bool {
        guard let token = Self.token(of: call), let index = SimpleTokens.index(of: token) else {
            return false
        }
        return index > engine.status.applied.rawValue
    }

    // Calls.

    /// Whether the call may go on; otherwise it is answered, or waits and will be dispatched again.
    func isAdmitted(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) -> Bool {
        if isTokenAhead(of: call) {
            reads.gather(.admission(call, method, bytes.copied()))
            return false
        }
        do { try check(call, method, bytes) } catch {
            finish(call, method, status(of: error, method))
            return false
        }
        return true
    }

    /// The read point of a call whose token was ahead is reached.
    func admit(_ call: GRPCCall, _ method: Method, _ request: [UInt8]) {
        // The span lives no longer than the call.
        let bytes = unsafe request.span.bytes
        if context.auth.isEnabled {
            do { try check(call, method, bytes) } catch {
                return finish(call, method, status(of: error, method))
            }
        }
        dispatch(call, method, bytes)
    }

    /// What a call needs besides permissions on keys.
    private func check(
        _ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan
    ) throws(StoreError) {
        switch method {
        case .memberAdd, .memberRemove, .memberUpdate, .memberPromote, .compact, .moveLeader, .downgrade,
            .defragment, .hash, .hashKV, .snapshot, .userAdd, .userChangePassword:
            try checkAdmin(call)
        case .alarm:
            // AlarmAction GET is 0.
            let isGet = (try? TwoNumbers(decoding: bytes))?.first == 0
            if isGet { try checkIdentified(call) } else { try checkAdmin(call) }
        case .memberList, .status, .leaseGrant, .leaseRevoke, .leaseTimeToLive: try checkIdentified(call)
        case .leaseLeases: try checkLeases(call)
        default: break
        }
    }

    private func status(of refusal: StoreError, _ method: Method) -> GRPCStatus {
        switch method {
        case .defragment, .hash, .hashKV, .snapshot:
            context.storageVersion == nil ? GRPCStatus(unmapped: refusal) : GRPCStatus(refusal)
        default: GRPCStatus(refusal)
        }
    }

    func checkAdmin(_ call: GRPCCall) throws(StoreError) {
        try context.auth.checkAdmin(try identity(of: call))
    }

    private func checkIdentified(_ call: GRPCCall) throws(StoreError) {
        if try identity(of: call).user.isEmpty { throw .userEmpty }
    }

    /// The list of leases shows something of every key that has one.
    private func checkLeases(_ call: GRPCCall) throws(StoreError) {
        let permissions = try permissions(of: call)
        for lease in context.lessor.leases() {
            for key in context.lessor.keys(of: lease) { try permissions.check(.read, key) }
        }
    }

    // Keys.

    private func permissions(of call: GRPCCall) throws(StoreError) -> UserPermissions {
        try context.auth.permissions(of: try identity(of: call))
    }

    /// Nil when the call may read every key of the range.
    func refusalOfReading(_ call: GRPCCall, _ key: [UInt8], _ rangeEnd: [UInt8]) -> GRPCStatus? {
        do {
            try permissions(of: call).check(.read, key, rangeEnd)
            return nil
        } catch { return GRPCStatus(error) }
    }

    /// Whether permissions that were asked for at `revision` may have been taken away before what was read
    /// since: a pair put right after a revocation is not for those who lost the right to it.
    func isStale(_ revision: UInt64) -> Bool { context.auth.isEnabled && context.auth.revision != revision }

    /// Nil when the call may watch the range; an empty key is the smallest one. Only the first look counts:
    /// what is watched once is watched until the end.
    func refusalOfWatching(_ call: GRPCCall, _ key: [UInt8], _ rangeEnd: [UInt8]) -> GRPCStatus? {
        refusalOfReading(call, key.isEmpty ? [0] : key, rangeEnd)
    }

    /// Nil when the call may do a Txn that only reads.
    func refusalOfReading(_ call: GRPCCall, _ transaction: Transaction) -> GRPCStatus? {
        do {
            try permissions(of: call).check(reading: transaction)
            return nil
        } catch { return GRPCStatus(error) }
    }

    /// Who asks for the keys of a lease must be allowed to read them.
    func refusalOfKeys(_ call: GRPCCall, lease: Int64) -> GRPCStatus? {
        do {
            let permissions = try permissions(of: call)
            for key in context.lessor.keys(of: lease) { try permissions.check(.read, key) }
            return nil
        } catch { return GRPCStatus(error) }
    }

    /// Who keeps a lease alive must be allowed to write its keys.
    func refusalOfKeepingAlive(_ call: GRPCCall, lease: Int64) -> GRPCStatus? {
        do {
            try permissions(of: call).checkLease(lease, of: context.lessor)
            return nil
        } catch { return GRPCStatus(error) }
    }
}
