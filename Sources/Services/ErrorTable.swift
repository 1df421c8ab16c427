import HTTP
import Store

/// Codes and texts of what the store refuses. Clients compare the texts letter for letter.
/// Source: spec/errors.md 1 and 2; where branches differ, 3.6's code.
extension GRPCStatus {
    init(_ error: StoreError) {
        if error == .noPasswordUser {
            self.init(unmapped: error)
        } else {
            let (code, text) = Self.row(error)
            self.init(code, "etcdserver: " + text)
        }
    }

    /// An auth error with etcd's inner text and code 2: what its table lacks, and what up to 3.5 four calls
    /// of Maintenance send past the table (errors.md 2).
    init(unmapped error: StoreError) {
        let text =
            switch error {
            case .userEmpty: "user name is empty"
            case .userNotFound: "user not found"
            case .permissionDenied: "permission denied"
            case .invalidAuthToken: "invalid auth token"
            case .authOldRevision: "revision in header is old"
            case .noPasswordUser: "authentication failed, password was given for no password user"
            default: preconditionFailure("\(error) does not go past the table")
            }
        self.init(.unknown, "auth: " + text)
    }

    private static func row(_ error: StoreError) -> (GRPCCode, String) {
        switch error {
        case .keyNotProvided: (.invalidArgument, "key is not provided")
        case .keyNotFound: (.invalidArgument, "key not found")
        case .valueProvided: (.invalidArgument, "value is provided")
        case .leaseProvided: (.invalidArgument, "lease is provided")
        case .tooManyOperations: (.invalidArgument, "too many operations in txn request")
        case .duplicateKey: (.invalidArgument, "duplicate key given in txn request")
        case .invalidSortOption: (.invalidArgument, "invalid sort option")
        case .compacted: (.outOfRange, "mvcc: required revision has been compacted")
        case .futureRevision: (.outOfRange, "mvcc: required revision is a future revision")
        case .noSpace: (.resourceExhausted, "mvcc: database space exceeded")
        case .corruptCluster: (.dataLoss, "corrupt cluster")
        case .leaseNotFound: (.notFound, "requested lease not found")
        case .leaseExists: (.failedPrecondition, "lease already exists")
        case .leaseTTLTooLarge: (.outOfRange, "too large lease TTL")
        case .memberIDExists: (.failedPrecondition, "member ID already exist")
        case .peerURLExists: (.failedPrecondition, "Peer URLs already exists")
        case .memberNotFound: (.notFound, "member not found")
        case .memberNotLearner: (.failedPrecondition, "can only promote a learner member")
        case .tooManyLearners: (.failedPrecondition, "too many learner members in cluster")
        // The table of etcd says 9, its servers send 2 (spec/errors.md 2).
        case .notEnoughStartedMembers:
            (.unknown, "re-configuration failed due to not enough started members")
        default: authRow(error)
        }
    }

    private static func authRow(_ error: StoreError) -> (GRPCCode, String) {
        switch error {
        case .rootUserNotExist: (.failedPrecondition, "root user does not exist")
        case .rootRoleNotExist: (.failedPrecondition, "root user does not have root role")
        case .userAlreadyExists: (.failedPrecondition, "user name already exists")
        case .userEmpty: (.invalidArgument, "user name is empty")
        case .userNotFound: (.failedPrecondition, "user name not found")
        case .roleAlreadyExists: (.failedPrecondition, "role name already exists")
        case .roleNotFound: (.failedPrecondition, "role name not found")
        case .roleEmpty: (.invalidArgument, "role name is empty")
        case .authenticationFailed:
            (.invalidArgument, "authentication failed, invalid user ID or password")
        case .permissionNotGiven: (.invalidArgument, "permission not given")
        case .permissionDenied: (.permissionDenied, "permission denied")
        case .roleNotGranted: (.failedPrecondition, "role is not granted to the user")
        case .permissionNotGranted: (.failedPrecondition, "permission is not granted to the role")
        case .authNotEnabled: (.failedPrecondition, "authentication is not enabled")
        case .invalidAuthManagement: (.invalidArgument, "invalid auth management")
        case .invalidAuthToken: (.unauthenticated, "invalid auth token")
        case .authOldRevision: (.invalidArgument, "revision of auth store is old")
        case .wrongDowngradeVersionFormat: (.invalidArgument, "wrong downgrade target version format")
        case .invalidDowngradeTargetVersion: (.invalidArgument, "invalid downgrade target version")
        case .downgradeInProgress: (.failedPrecondition, "cluster has a downgrade job in progress")
        case .noInflightDowngrade: (.failedPrecondition, "no inflight downgrade job")
        default: preconditionFailure("an error without a row: \(error)")
        }
    }
}

/// Refusals that come from the state of the server or the shape of a call.
extension GRPCStatus {
    private static func etcd(_ code: GRPCCode, _ text: String) -> GRPCStatus {
        GRPCStatus(code, "etcdserver: " + text)
    }

    static let requestTooLarge = etcd(.invalidArgument, "request is too large")
    static let invalidClientVersion = etcd(.invalidArgument, "invalid client api version")
    static let requestTimedOut = etcd(.unavailable, "request timed out")
    static let timedOutOverLeader = etcd(
        .unavailable, "request timed out, possibly due to previous leader failure")
    static let timedOutOverConnection = etcd(
        .unavailable, "request timed out, possibly due to connection lost")
    static let applyTooSlow = etcd(
        .unavailable, "request timed out, waiting for the applied index took too long")
    static let notSupportedForLearner = etcd(.unavailable, "rpc not supported for learner")
    static let serverStopped = etcd(.unavailable, "server stopped")
    static let noLeader = etcd(.unavailable, "no leader")
    static let leaderChanged = etcd(.unavailable, "leader changed")
    static let notLeader = etcd(.failedPrecondition, "not leader")
    static let badLeaderTransferee = etcd(.failedPrecondition, "bad leader transferee")
    static let leaderTransferTookTooLong = etcd(
        .unknown, "request timed out, leader transfer took too long")
    static let memberURLsInvalid = etcd(.invalidArgument, "given member URLs are invalid")
    static let learnerNotReady = etcd(
        .failedPrecondition, "can only promote a learner member which is in sync with leader")
    static let unhealthyCluster = etcd(.unavailable, "unhealthy cluster")
    static let clusterVersionNotFound = etcd(
        .failedPrecondition, "cluster version not found during downgrade")
    static let watchCanceled = etcd(.cancelled, "watch canceled")
    /// The three of errors.md 2 that go out as code 2.
    static let tooManyRequests = etcd(.unknown, "too many requests")
    static let proposalDropped = GRPCStatus(.unknown, "raft proposal dropped")
    static let unknownMethod = etcd(.unknown, "unknown method")

    static let verifyOnly = GRPCStatus(
        .unknown, "auth: token signing attempted with verify-only key")

    static let streamSortUnsupported = GRPCStatus(
        .unimplemented, "RangeStream does not support custom sort orders")
    static let streamFiltersUnsupported = GRPCStatus(
        .unimplemented, "RangeStream does not support revision filters")
    static let unknownHealthService = GRPCStatus(.notFound, "unknown service")

    /// A message that is no protobuf of its type; grpc-go's server words it so.
    static let malformedRequest = GRPCStatus(
        .internal, "grpc: error unmarshalling request: unexpected EOF")
    static let malformedStreamMessage = GRPCStatus(
        .internal, "grpc: failed to unmarshal the received message: unexpected EOF")
    /// The client closed its side before sending the one message of a unary call.
    static let missingRequest = GRPCStatus(.unknown, "EOF")

    /// The status as Go's gRPC library words an error: a refused watcher's reason (api.md 13.2).
    var asGoError: String {
        let name = "\(code)"
        return "rpc error: code = \(name.prefix(1).uppercased() + name.dropFirst()) desc = \(message)"
    }

    /// An error of Lock and Election as their inner client reports it: the text, the code lost.
    var asInnerClientError: GRPCStatus { GRPCStatus(.unknown, message) }
}
