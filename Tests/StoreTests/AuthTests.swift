import Backend
import EtcdAPI
import FoundationEssentials
import MVCC
import SwiftProtobuf
import Testing
import Wire

@testable import Store

/// Users, roles and switching, through the log.
@Suite struct AuthTests {
    private func revision(_ machine: Machine) -> UInt64 { machine.auth.revision }

    @Test func `the auth revision counts changes only`() throws {
        // The sequence recorded in spec/vectors.md 7.
        let machine = try Machine()
        #expect(revision(machine) == 1)
        try machine.addRole("r")
        for name in ["root", "u", "v"] { try machine.addUser(name) }
        try machine.grantRole("root", to: "root")
        try machine.grantRole("r", to: "u")
        #expect(try machine.grantRole("r", to: "u") == .auth(.done(revision: 1)))
        try machine.allow("r", .readwrite, "a", "c")
        try machine.allow("r", .read, "c", "d")
        #expect(revision(machine) == 9)
        try machine.enableAuth()
        #expect(revision(machine) == 9 && machine.auth.isEnabled)
        try machine.enableAuth()
        #expect(revision(machine) == 9)
        machine.asker = machine.auth.serverIdentity
        try machine.allow("r", .read, "x")
        machine.asker = machine.auth.serverIdentity
        try machine.perform(
            .authUserChangePassword,
            AuthUserChangePasswordRequest.with {
                $0.name = "u"; $0.hashedPassword = "AAAA"
            })
        machine.asker = machine.auth.serverIdentity
        try machine.perform(.authDisable, AuthDisableRequest())
        #expect(revision(machine) == 12 && !machine.auth.isEnabled)
        try machine.perform(.authDisable, AuthDisableRequest())
        #expect(revision(machine) == 12)
    }

    @Test func `enabling needs the user root with the role root`() throws {
        let machine = try Machine()
        #expect(try machine.enableAuth() == .failure(.rootUserNotExist))
        try machine.addUser("root")
        #expect(try machine.enableAuth() == .failure(.rootRoleNotExist))
        try machine.grantRole("root", to: "root")
        #expect(try machine.enableAuth() == .auth(.done(revision: 1)))
    }

    @Test func `requests that make no sense are refused and change nothing`() throws {
        let machine = try Machine()
        try machine.addRole("r")
        try machine.addUser("u")
        let before = revision(machine)
        #expect(try machine.addUser("") == .failure(.userEmpty))
        #expect(try machine.addUser("u") == .failure(.userAlreadyExists))
        #expect(try machine.addRole("") == .failure(.roleEmpty))
        #expect(try machine.addRole("r") == .failure(.roleAlreadyExists))
        #expect(try machine.grantRole("r", to: "w") == .failure(.userNotFound))
        #expect(try machine.grantRole("s", to: "u") == .failure(.roleNotFound))
        let unknown = "nobody"
        #expect(
            try machine.perform(.authUserDelete, AuthUserDeleteRequest.with { $0.name = unknown })
                == .failure(.userNotFound))
        #expect(
            try machine.perform(.authRoleDelete, AuthRoleDeleteRequest.with { $0.role = unknown })
                == .failure(.roleNotFound))
        #expect(
            try machine.perform(
                .authUserRevokeRole,
                AuthUserRevokeRoleRequest.with {
                    $0.name = "u"; $0.role = "r"
                })
                == .failure(.roleNotGranted))
        #expect(
            try machine.perform(
                .authRoleGrantPermission, AuthRoleGrantPermissionRequest.with { $0.name = "r" })
                == .failure(.permissionNotGiven))
        #expect(try machine.allow("s", .read, "k") == .failure(.roleNotFound))
        for (key, end) in [("", ""), ("", "z"), ("k", "k"), ("k", "a")] {
            #expect(try machine.allow("r", .read, key, end) == .failure(.invalidAuthManagement))
        }
        #expect(
            try machine.perform(
                .authRoleRevokePermission,
                AuthRoleRevokePermissionRequest.with {
                    $0.role = "r"; $0.key = .init(bytes("k"))
                })
                == .failure(.permissionNotGranted))
        #expect(revision(machine) == before)
    }

    @Test func `root is protected while authentication is on`() throws {
        let machine = try Machine()
        try machine.enableWithRoot()
        for request in [
            try machine.perform(.authUserDelete, AuthUserDeleteRequest.with { $0.name = "root" }),
            try machine.perform(.authRoleDelete, AuthRoleDeleteRequest.with { $0.role = "root" }),
            try machine.perform(
                .authUserRevokeRole,
                AuthUserRevokeRoleRequest.with {
                    $0.name = "root"; $0.role = "root"
                }),
        ] { #expect(request == .failure(.invalidAuthManagement)) }
    }

    @Test func `lists are ascending, and permissions come as they are stored`() throws {
        let machine = try Machine()
        for name in ["b", "a", "é"] { try machine.addUser(name); try machine.addRole(name) }
        for role in ["b", "a"] { try machine.grantRole(role, to: "a") }
        try machine.allow("a", .write, "k", "\0")
        try machine.allow("a", .read, "c", "d")
        try machine.allow("a", .readwrite, "c", "d")
        try machine.allow("a", .read, "c")
        let names = ["a", "b", "é"].map { bytes($0) }
        #expect(
            try machine.perform(.authUserList, AuthUserListRequest()) == .auth(.names(revision: 1, names)))
        #expect(
            try machine.perform(.authRoleList, AuthRoleListRequest()) == .auth(.names(revision: 1, names)))
        #expect(
            try machine.perform(.authUserGet, AuthUserGetRequest.with { $0.name = "a" })
                == .auth(.names(revision: 1, [bytes("a"), bytes("b")])))
        guard
            case .auth(.permissions(_, let list)) = try machine.perform(
                .authRoleGet, AuthRoleGetRequest.with { $0.role = "a" })
        else {
            Issue.record("no permissions")
            return
        }
        let permissions = try list.map { try Permission(serializedBytes: $0) }
        #expect(permissions.map { text($0.key) + text($0.rangeEnd) } == ["cd", "c", "k\0"])
        #expect(permissions.map(\.permType) == [.readwrite, .read, .write])
    }

    @Test func `deleting a role takes it from its users`() throws {
        let machine = try Machine()
        for role in ["r", "s"] { try machine.addRole(role) }
        for user in ["u", "v"] { try machine.addUser(user) }
        try machine.grantRole("r", to: "u")
        try machine.grantRole("s", to: "u")
        let before = revision(machine)
        try machine.perform(.authRoleDelete, AuthRoleDeleteRequest.with { $0.role = "r" })
        #expect(revision(machine) == before + 1)
        #expect(
            try machine.perform(.authUserGet, AuthUserGetRequest.with { $0.name = "u" })
                == .auth(.names(revision: 1, [bytes("s")])))
    }

    @Test func `the buckets hold etcd's bytes, and a restart reads them back`() throws {
        let machine = try Machine()
        try machine.addRole("r1")
        try machine.allow("r1", .readwrite, "foo")
        try machine.allow("r1", .read, "a", "c")
        try machine.allow("r1", .write, "x", "\0")
        let hash = "$2a$10$HUS.UyWX.uK8VZQMm3LtY.YkfmqgLLe3DNfkojpX1NhIwZNOiQJne"
        try machine.perform(
            .authUserAdd,
            AuthUserAddRequest.with {
                $0.name = "alice"; $0.hashedPassword = text(bytes(hash).base64)
            })
        try machine.grantRole("r1", to: "alice")
        try machine.perform(
            .authUserAdd,
            AuthUserAddRequest.with {
                $0.name = "bob"; $0.options = .with { $0.noPassword = true }
            })
        try machine.enableWithRoot()
        let wasAt = revision(machine)
        try machine.flush()
        // From the database of etcd 3.4.23 after the same commands.
        let expected: [(Bucket, String, [UInt8])] = [
            (.authUsers, "alice", bytes("\n\u{5}alice\u{12}<\(hash)\u{1a}\u{2}r1\"\0")),
            (.authUsers, "bob", bytes("\n\u{3}bob\"\u{2}\u{8}\u{1}")),
            (
                .authRoles, "r1",
                bytes("\n\u{2}r1\u{12}\u{6}\u{12}\u{1}a\u{1a}\u{1}c\u{12}\u{7}\u{8}\u{2}\u{12}\u{3}foo")
                    + bytes("\u{12}\u{8}\u{8}\u{1}\u{12}\u{1}x\u{1a}\u{1}\0")
            ),
            (.auth, "authEnabled", [1]),
            (.auth, "authRevision", [0, 0, 0, 0, 0, 0, 0, UInt8(wasAt)]),
        ]
        do {
            let transaction = try machine.environment.read()
            for (bucket, key, value) in expected {
                #expect(try transaction.value(bucket, bytes(key)) == value, "\(key)")
            }
        }
        let loaded = try StoredState.load(from: machine.environment)
        let again = AuthStore(provider: .none)
        again.restore(loaded.auth)
        #expect(again.isEnabled && again.revision == wasAt)
        let (before, after) = (machine.auth.read { $0.users }, again.read { $0.users })
        #expect(before == after && machine.auth.read { $0.roles } == again.read { $0.roles })
    }

    @Test func `a fresh store writes revision 1, and no authEnabled`() throws {
        let machine = try Machine()
        try machine.put("k", "v")
        try machine.flush()
        let transaction = try machine.environment.read()
        #expect(try transaction.value(.auth, bytes("authRevision")) == [0, 0, 0, 0, 0, 0, 0, 1])
        #expect(try transaction.value(.auth, bytes("authEnabled")) == nil)
    }

    @Test func `a password in the log of an older etcd is hashed alike on every member`() throws {
        let request = AuthUserAddRequest.with {
            $0.name = "u"; $0.password = "old"
        }
        let (one, other) = (try Machine(), try Machine())
        for machine in [one, other] { try machine.perform(.authUserAdd, request) }
        let hashes = [one, other].map { $0.auth.read { $0.users[bytes("u")]?.password } }
        #expect(hashes[0] == hashes[1])
        #expect(Bcrypt.verify(bytes("old"), hash: hashes[0] ?? []))
    }
}

extension Machine {
    @discardableResult func addUser(_ name: String) throws -> Outcome {
        try perform(
            .authUserAdd,
            AuthUserAddRequest.with {
                $0.name = name; $0.hashedPassword = "AAAA"
            })
    }

    @discardableResult func addRole(_ name: String) throws -> Outcome {
        try perform(.authRoleAdd, AuthRoleAddRequest.with { $0.name = name })
    }

    @discardableResult func grantRole(_ role: String, to user: String) throws -> Outcome {
        try perform(
            .authUserGrantRole,
            AuthUserGrantRoleRequest.with {
                $0.user = user; $0.role = role
            })
    }

    @discardableResult func allow(
        _ role: String, _ type: Permission.TypeEnum, _ key: String, _ end: String = ""
    ) throws -> Outcome {
        try perform(
            .authRoleGrantPermission,
            AuthRoleGrantPermissionRequest.with {
                $0.name = role
                $0.perm = .with {
                    $0.permType = type; $0.key = .init(bytes(key)); $0.rangeEnd = .init(bytes(end))
                }
            })
    }

    @discardableResult func enableAuth() throws -> Outcome {
        try perform(.authEnable, AuthEnableRequest())
    }

    /// From here on requests are the root user's.
    func enableWithRoot() throws {
        try addUser("root")
        try grantRole("root", to: "root")
        try enableAuth()
        asker = auth.serverIdentity
    }
}
