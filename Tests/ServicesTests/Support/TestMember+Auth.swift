import EtcdAPI
import FoundationEssentials
import Store
import SwiftProtobuf
import Testing

@testable import Services

extension TestMember {
    func addUser(_ name: String, _ password: String?) throws {
        try call(
            .userAdd,
            AuthUserAddRequest.with {
                $0.name = name
                if let password {
                    $0.password = password
                } else {
                    $0.options = .with { $0.noPassword = true }
                }
            }, as: AuthUserAddResponse.self)
    }

    func addRole(_ name: String) throws {
        try call(.roleAdd, AuthRoleAddRequest.with { $0.name = name }, as: AuthRoleAddResponse.self)
    }

    func grantRole(_ role: String, to user: String) throws {
        try call(
            .userGrantRole,
            AuthUserGrantRoleRequest.with {
                $0.user = user; $0.role = role
            },
            as: AuthUserGrantRoleResponse.self)
    }

    func allow(
        _ role: String, _ type: Permission.TypeEnum, _ key: String, _ end: String = "", token: String? = nil
    ) throws {
        let request = AuthRoleGrantPermissionRequest.with {
            $0.name = role
            $0.perm = .with {
                $0.permType = type; $0.key = data(key); $0.rangeEnd = data(end)
            }
        }
        try call(.roleGrantPermission, request, as: AuthRoleGrantPermissionResponse.self, token: token)
    }

    @discardableResult func login(_ name: String, _ password: String) throws -> String {
        let request = AuthenticateRequest.with {
            $0.name = name; $0.password = password
        }
        return try call(.authenticate, request, as: AuthenticateResponse.self).token
    }
}
