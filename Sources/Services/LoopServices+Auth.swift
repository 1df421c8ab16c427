import EtcdAPI
import HTTP
import Store
import Wire

/// The Auth service. Everything but Authenticate goes through the log, the reading calls too (api.md
/// 17.1), and the state machine answers.
extension LoopServices {
    func auth(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        // Nobody can enable authentication yet, so there is nothing to authenticate against.
        guard let kind = Self.authKind(method) else {
            return finish(call, method, GRPCStatus(.authNotEnabled))
        }
        proposeOrRefuse(call, method, kind, bytes, .auth(call, method))
    }

    /// Nil for Authenticate, which begins with a check outside of the log.
    private static func authKind(_ method: Method) -> InternalRaftRequest.Kind? {
        switch method {
        case .authEnable: .authEnable
        case .authDisable: .authDisable
        case .authStatus: .authStatus
        case .userAdd: .authUserAdd
        case .userGet: .authUserGet
        case .userList: .authUserList
        case .userDelete: .authUserDelete
        case .userChangePassword: .authUserChangePassword
        case .userGrantRole: .authUserGrantRole
        case .userRevokeRole: .authUserRevokeRole
        case .roleAdd: .authRoleAdd
        case .roleGet: .authRoleGet
        case .roleList: .authRoleList
        case .roleDelete: .authRoleDelete
        case .roleGrantPermission: .authRoleGrantPermission
        case .roleRevokePermission: .authRoleRevokePermission
        default: nil
        }
    }

    func respondAuth(_ call: GRPCCall, _ method: Method, _ answer: AuthOutcome) {
        switch answer {
        case .done(let revision):
            respond(call, method, responses.begin(revision: revision))
        case .status(let revision, let enabled, let authRevision):
            var message = responses.begin(revision: revision)
            message.appendField(2, enabled)
            message.appendField(3, authRevision)
            respond(call, method, message)
        case .names(let revision, let names):
            var message = responses.begin(revision: revision)
            for name in names { message.appendField(2, always: Array(name.utf8)) }
            respond(call, method, message)
        case .permissions(let revision, let permissions):
            var message = responses.begin(revision: revision)
            for permission in permissions { message.appendField(2, always: permission) }
            respond(call, method, message)
        }
    }
}
