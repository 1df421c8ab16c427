/// Every rpc this server registers (api.md 1). Raw values index the per-method counters.
package enum Method: Int, CaseIterable, Sendable {
    case range, rangeStream, put, deleteRange, txn, compact
    case watch
    case leaseGrant, leaseRevoke, leaseKeepAlive, leaseTimeToLive, leaseLeases
    case memberAdd, memberRemove, memberUpdate, memberList, memberPromote
    case alarm, status, defragment, hash, hashKV, snapshot, moveLeader, downgrade
    case authEnable, authDisable, authStatus, authenticate
    case userAdd, userGet, userList, userDelete, userChangePassword, userGrantRole, userRevokeRole
    case roleAdd, roleGet, roleList, roleDelete, roleGrantPermission, roleRevokePermission
    case lock, unlock
    case campaign, proclaim, leader, observe, resign
    case healthCheck, healthWatch, healthList

    /// The shape of a call, spelled as the `grpc_type` label of the metrics.
    package enum Kind: String, Sendable {
        case unary = "unary"
        case serverStream = "server_stream"
        case bidiStream = "bidi_stream"
    }

    package var kind: Kind {
        switch self {
        case .rangeStream, .snapshot, .observe, .healthWatch: .serverStream
        case .watch, .leaseKeepAlive: .bidiStream
        default: .unary
        }
    }

    /// The full service name, `package.Service`.
    package var service: String {
        switch self {
        case .range, .rangeStream, .put, .deleteRange, .txn, .compact: "etcdserverpb.KV"
        case .watch: "etcdserverpb.Watch"
        case .leaseGrant, .leaseRevoke, .leaseKeepAlive, .leaseTimeToLive, .leaseLeases:
            "etcdserverpb.Lease"
        case .memberAdd, .memberRemove, .memberUpdate, .memberList, .memberPromote:
            "etcdserverpb.Cluster"
        case .alarm, .status, .defragment, .hash, .hashKV, .snapshot, .moveLeader, .downgrade:
            "etcdserverpb.Maintenance"
        case .lock, .unlock: "v3lockpb.Lock"
        case .campaign, .proclaim, .leader, .observe, .resign: "v3electionpb.Election"
        case .healthCheck, .healthWatch, .healthList: "grpc.health.v1.Health"
        default: "etcdserverpb.Auth"
        }
    }

    /// The method's name on the wire.
    package var name: String {
        switch self {
        case .healthCheck: "Check"
        case .healthWatch: "Watch"
        case .healthList: "List"
        case .hashKV: "HashKV"
        default:
            // The case name with its first letter raised is the wire name of all the others.
            "\(self)".prefix(1).uppercased() + "\(self)".dropFirst()
        }
    }

    /// `/package.Service/Method`.
    package var path: String { "/\(service)/\(name)" }
}
