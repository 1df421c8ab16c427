import HTTP

/// Who waits for the answer to one proposal. A closed set, so that the hot paths carry a call and no
/// closure.
enum Waiter {
    case put(GRPCCall)
    case deleteRange(GRPCCall)
    case txn(GRPCCall)
    case compaction(GRPCCall, physical: Bool)
    case leaseGrant(GRPCCall)
    case leaseRevoke(GRPCCall)
    case alarm(GRPCCall)
    case memberAdd(GRPCCall)
    case memberRemove(GRPCCall)
    case memberUpdate(GRPCCall)
    case memberPromote(GRPCCall)
    case downgrade(GRPCCall)
    /// A call of the Auth service, but Authenticate.
    case auth(GRPCCall, Method)
    /// An Authenticate whose password was right at this auth revision.
    case token(GRPCCall, Login, checkedAt: UInt64)
    /// A write refused by the quota gate waits until the alarm it raised is in force.
    case noSpace(GRPCCall, Method)
    /// The revoke of an expired lease, proposed by the expiry driver.
    case expiry(lease: Int64)
    /// Nobody waits for the answer: lease checkpoints, keys of abandoned Lock and Election calls.
    case unattended
    /// A step of a Lock or Election call.
    case step(any QueueStep)

    /// The call to answer and its method; nil for the driver's own proposals and for steps.
    var call: (GRPCCall, Method)? {
        switch self {
        case .put(let call): (call, .put)
        case .deleteRange(let call): (call, .deleteRange)
        case .txn(let call): (call, .txn)
        case .compaction(let call, _): (call, .compact)
        case .leaseGrant(let call): (call, .leaseGrant)
        case .leaseRevoke(let call): (call, .leaseRevoke)
        case .alarm(let call): (call, .alarm)
        case .memberAdd(let call): (call, .memberAdd)
        case .memberRemove(let call): (call, .memberRemove)
        case .memberUpdate(let call): (call, .memberUpdate)
        case .memberPromote(let call): (call, .memberPromote)
        case .downgrade(let call): (call, .downgrade)
        case .token(let call, _, _): (call, .authenticate)
        case .noSpace(let call, let method), .auth(let call, let method): (call, method)
        case .expiry, .unattended, .step: nil
        }
    }
}
