import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// The Auth service of a server that keeps no users and no roles yet: every call answers what etcd
/// answers while authentication is off and nobody was added, which is then the truth; adding is refused
/// in plain words. Source: api.md 17.
extension LoopServices {
    func auth(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        guard let request = try? Fields(decoding: bytes) else {
            return finish(call, method, .malformedRequest)
        }
        var message = responses.begin(revision: context.keyspace.currentRevision)
        switch method {
        // Disabling what is off, and lists of nothing, succeed.
        case .authDisable, .userList, .roleList: break
        case .authStatus:
            // Not enabled; the auth revision of a store nobody changed.
            message.appendField(3, UInt64(1))
        case .roleGet where request.bytes(1) == Array("root".utf8) && context.storageVersion != nil:
            // From 3.6 on the role root is known without being stored.
            message.appendField(2, always: Self.everything)
        default: return finish(call, method, Self.authRefusal(method, request))
        }
        respond(call, method, message)
    }

    /// authpb.Permission: READWRITE from the smallest key on.
    private static var everything: [UInt8] {
        var permission: [UInt8] = []
        permission.appendField(1, UInt64(2))
        permission.appendField(3, [0])
        return permission
    }

    private static func authRefusal(_ method: Method, _ request: Fields) -> GRPCStatus {
        switch method {
        case .authEnable: GRPCStatus(.rootUserNotExist)
        case .userAdd: request.bytes(1).isEmpty ? GRPCStatus(.userEmpty) : .noUsersAndRoles
        case .roleAdd: request.bytes(1).isEmpty ? GRPCStatus(.roleEmpty) : .noUsersAndRoles
        case .userGet, .userDelete, .userChangePassword, .userGrantRole, .userRevokeRole:
            GRPCStatus(.userNotFound)
        case .roleGrantPermission where !request.has(2): GRPCStatus(.permissionNotGiven)
        case .roleGet, .roleDelete, .roleGrantPermission, .roleRevokePermission:
            GRPCStatus(.roleNotFound)
        default: GRPCStatus(.authNotEnabled)
        }
    }
}

extension GRPCStatus {
    static let noUsersAndRoles = GRPCStatus(
        .failedPrecondition, "etcdserver: this server does not keep users and roles yet")
}
