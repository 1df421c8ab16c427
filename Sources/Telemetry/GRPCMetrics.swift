/// A method clients can call, as the gRPC metrics name it.
package struct GRPCMethod: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case unary
        case serverStream = "server_stream"
        case bidirectionalStream = "bidi_stream"
    }

    /// `etcdserverpb.KV`.
    package let service: String
    /// `Range`.
    package let name: String
    package let kind: Kind

    /// `/etcdserverpb.KV/Range`, the call's path.
    package var path: String { "/\(service)/\(name)" }

    /// Every method of the client port. Source: spec/api.md.
    package static let all: [GRPCMethod] =
        unary("etcdserverpb.KV", ["Range", "Put", "DeleteRange", "Txn", "Compact"])
        + [GRPCMethod(service: "etcdserverpb.KV", name: "RangeStream", kind: .serverStream)]
        + [GRPCMethod(service: "etcdserverpb.Watch", name: "Watch", kind: .bidirectionalStream)]
        + unary("etcdserverpb.Lease", ["LeaseGrant", "LeaseRevoke", "LeaseTimeToLive", "LeaseLeases"])
        + [GRPCMethod(service: "etcdserverpb.Lease", name: "LeaseKeepAlive", kind: .bidirectionalStream)]
        + unary(
            "etcdserverpb.Cluster",
            ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberList", "MemberPromote"])
        + unary(
            "etcdserverpb.Maintenance",
            ["Alarm", "Status", "Defragment", "Hash", "HashKV", "MoveLeader", "Downgrade"])
        + [GRPCMethod(service: "etcdserverpb.Maintenance", name: "Snapshot", kind: .serverStream)]
        + unary(
            "etcdserverpb.Auth",
            [
                "AuthEnable", "AuthDisable", "AuthStatus", "Authenticate", "UserAdd", "UserGet", "UserList",
                "UserDelete", "UserChangePassword", "UserGrantRole", "UserRevokeRole", "RoleAdd", "RoleGet",
                "RoleList", "RoleDelete", "RoleGrantPermission", "RoleRevokePermission",
            ])
        + unary("v3lockpb.Lock", ["Lock", "Unlock"])
        + unary("v3electionpb.Election", ["Campaign", "Proclaim", "Leader", "Resign"])
        + [GRPCMethod(service: "v3electionpb.Election", name: "Observe", kind: .serverStream)]
        + unary("grpc.health.v1.Health", ["Check", "List"])
        + [GRPCMethod(service: "grpc.health.v1.Health", name: "Watch", kind: .serverStream)]

    private static func unary(_ service: String, _ names: [String]) -> [GRPCMethod] {
        names.map { GRPCMethod(service: service, name: $0, kind: .unary) }
    }
}

/// What is counted of one method. Keep it beside the method's handler: nothing is looked up per call.
package final class GRPCMethodMetrics: Sendable {
    package let started: Counter
    package let messagesReceived: Counter
    package let messagesSent: Counter
    /// In seconds; nil unless metrics are extensive.
    package let handling: Histogram?
    /// By status code, 0 to 16.
    private let handled: [Counter]

    fileprivate init(
        started: Counter, messagesReceived: Counter, messagesSent: Counter, handling: Histogram?,
        handled: [Counter]
    ) {
        self.started = started
        self.messagesReceived = messagesReceived
        self.messagesSent = messagesSent
        self.handling = handling
        self.handled = handled
    }

    /// Takes over totals that are counted elsewhere; `handledByCode` has one number for each code.
    package func raise(started: UInt64, received: UInt64, sent: UInt64, handledByCode: [UInt64]) {
        self.started.raise(to: started)
        messagesReceived.raise(to: received)
        messagesSent.raise(to: sent)
        for (counter, total) in zip(handled, handledByCode) { counter.raise(to: total) }
    }

}

/// The `grpc_server_*` families, with every combination of method and code at 0 from the start.
package struct GRPCMetrics: Sendable {
    /// Go's names of the status codes, by number.
    static let codeNames = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange",
        "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    private let byPath: [String: GRPCMethodMetrics]

    init(_ r: MetricsRegistry, methods: [GRPCMethod], extensive: Bool) {
        let labels = ("grpc_type", "grpc_service", "grpc_method")
        let started = r.counters(
            "grpc_server_started_total", "Calls that began.", labels.0, labels.1, labels.2)
        let handled = r.counters(
            "grpc_server_handled_total", "Calls that ended, by code.", labels.0, labels.1, labels.2,
            "grpc_code")
        let received = r.counters(
            "grpc_server_msg_received_total", "Messages received.", labels.0, labels.1, labels.2)
        let sent = r.counters(
            "grpc_server_msg_sent_total", "Messages sent.", labels.0, labels.1, labels.2)
        let handling =
            extensive
            ? r.histograms(
                "grpc_server_handling_seconds", "Time from a call's begin to its end.",
                .exactly([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]), labels.0, labels.1,
                labels.2) : nil
        var table: [String: GRPCMethodMetrics] = [:]
        for method in methods {
            let (kind, service, name) = (method.kind.rawValue, method.service, method.name)
            table[method.path] = GRPCMethodMetrics(
                started: started.with(kind, service, name),
                messagesReceived: received.with(kind, service, name),
                messagesSent: sent.with(kind, service, name),
                handling: handling?.with(kind, service, name),
                handled: GRPCMetrics.codeNames.map { handled.with(kind, service, name, $0) })
        }
        byPath = table
    }

    /// By the call's path; nil for a method this server does not have.
    package func method(_ path: String) -> GRPCMethodMetrics? { byPath[path] }
}
