import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// The Auth service (api.md 17). Every call goes through the log, the reading ones too; what a password
/// needs, `…+Passwords` does before.
extension LoopServices {
    func auth(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        guard let request = try? Fields(decoding: bytes) else {
            return finish(call, method, .malformedRequest)
        }
        switch method {
        case .authenticate: authenticate(call, Login(name: request.bytes(1), password: request.bytes(2)))
        case .userAdd: userAdd(call, request)
        case .userChangePassword: userChangePassword(call, request)
        case .roleGet where request.bytes(1) == Array("root".utf8) && context.storageVersion != nil:
            respondRootRole(call)
        default: proposeOrRefuse(call, method, Self.entryKind(of: method), bytes, .auth(call, method))
        }
    }

    private static func entryKind(of method: Method) -> InternalRaftRequest.Kind {
        switch method {
        case .authEnable: .authEnable
        case .authDisable: .authDisable
        case .authStatus: .authStatus
        case .userGet: .authUserGet
        case .userList: .authUserList
        case .userDelete: .authUserDelete
        case .userGrantRole: .authUserGrantRole
        case .userRevokeRole: .authUserRevokeRole
        case .roleAdd: .authRoleAdd
        case .roleGet: .authRoleGet
        case .roleList: .authRoleList
        case .roleDelete: .authRoleDelete
        case .roleGrantPermission: .authRoleGrantPermission
        case .roleRevokePermission: .authRoleRevokePermission
        default: preconditionFailure("\(method) is not proposed as it is")
        }
    }

    func respondAuth(_ call: GRPCCall, _ method: Method, _ outcome: AuthOutcome) {
        var message: [UInt8]
        switch outcome {
        case .done(let revision): message = responses.begin(revision: revision)
        case .status(let revision, let enabled, let authRevision):
            message = responses.begin(revision: revision)
            message.appendField(2, enabled)
            message.appendField(3, authRevision)
        case .names(let revision, let list), .permissions(let revision, let list):
            message = responses.begin(revision: revision)
            for bytes in list { message.appendField(2, always: bytes) }
        case .token(let revision, _, let token):
            message = responses.begin(revision: revision)
            message.appendField(2, token)
        }
        respond(call, method, message)
    }

    /// From 3.6 on the role root is known without being stored: READWRITE from the smallest key on.
    private func respondRootRole(_ call: GRPCCall) {
        if context.auth.isEnabled {
            do { try checkAdmin(call) } catch { return finish(call, .roleGet, GRPCStatus(error)) }
        }
        var permission: [UInt8] = []
        permission.appendField(1, UInt64(2))
        permission.appendField(3, [0])
        let revision = context.keyspace.currentRevision
        respondAuth(call, .roleGet, .permissions(revision: revision, [permission]))
    }
}
