import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Store

/// What is refused when an entry is applied while authentication is on.
@Suite struct AuthorizationTests {
    /// User u may read and write [a, c) and read [c, d).
    private func machine() throws -> Machine {
        let machine = try Machine()
        try machine.put("z", "1")
        try machine.addRole("r")
        try machine.allow("r", .readwrite, "a", "c")
        try machine.allow("r", .read, "c", "d")
        try machine.addUser("u")
        try machine.grantRole("r", to: "u")
        try machine.enableWithRoot()
        return machine
    }

    private func asUser(_ machine: Machine, _ name: String = "u") {
        machine.asker = AuthIdentity(user: bytes(name), revision: machine.auth.revision)
    }

    @Test func `nobody, somebody unknown and somebody of an older revision are refused`() throws {
        let machine = try machine()
        machine.asker = AuthIdentity()
        #expect(try machine.put("a", "1") == .failure(.userEmpty))
        asUser(machine, "ghost")
        #expect(try machine.put("a", "1") == .failure(.permissionDenied))
        machine.asker = AuthIdentity(user: bytes("u"), revision: machine.auth.revision - 1)
        #expect(try machine.put("a", "1") == .failure(.authOldRevision))
        asUser(machine)
        #expect(try machine.put("a", "1") == .put(revision: 3, previous: nil))
    }

    @Test func `puts and deletes need the keys they touch`() throws {
        let machine = try machine()
        asUser(machine)
        #expect(try machine.put("c", "1") == .failure(.permissionDenied))
        #expect(try machine.delete("c") == .failure(.permissionDenied))
        #expect(try machine.delete("a", "d") == .failure(.permissionDenied))
        #expect(try machine.delete("a", "\0") == .failure(.permissionDenied))
        #expect(try machine.delete("a", "c") == .deleteRange(revision: 2, deleted: 0, previous: []))
        machine.asker = machine.auth.serverIdentity
        #expect(try machine.delete("a", "\0") != .failure(.permissionDenied))
    }

    @Test func `the pair before a write is for those who may read it`() throws {
        let machine = try machine()
        try machine.addRole("w")
        machine.asker = machine.auth.serverIdentity
        try machine.allow("w", .write, "k")
        machine.asker = machine.auth.serverIdentity
        try machine.addUser("writer")
        machine.asker = machine.auth.serverIdentity
        try machine.grantRole("w", to: "writer")
        asUser(machine, "writer")
        #expect(try machine.put("k", "1") == .put(revision: 3, previous: nil))
        let previous = PutRequest.with {
            $0.key = .init(bytes("k")); $0.prevKv = true
        }
        #expect(try machine.perform(.put, previous) == .failure(.permissionDenied))
        #expect(try machine.delete("k") == .failure(.permissionDenied))
        let inside = txn(then: [.with { $0.requestPut = previous }])
        #expect(try machine.perform(.txn, inside) == .failure(.permissionDenied))
    }

    @Test func `a transaction needs all it names, in both branches and nested ones`() throws {
        let machine = try machine()
        asUser(machine)
        func isAllowed(_ request: TxnRequest) throws -> Bool {
            try machine.perform(.txn, request) != .failure(.permissionDenied)
        }
        #expect(try isAllowed(txn([compare("c", .version, .equal, nil)], then: [put("a")])))
        #expect(try !isAllowed(txn([compare("d", .version, .equal, nil)], then: [put("a")])))
        #expect(try !isAllowed(txn([compare("a", to: "z", .version, .equal, nil)], then: [put("a")])))
        #expect(try !isAllowed(txn(then: [put("a")], else: [put("c")])))
        #expect(try !isAllowed(txn(then: [put("a"), get("a", "e")])))
        #expect(try isAllowed(txn(then: [put("a"), get("a", "d")])))
        #expect(try !isAllowed(txn(then: [nested(then: [del("c")])])))
        #expect(try !isAllowed(txn(then: [nested([compare("z", .version, .equal, nil)])])))
        #expect(try isAllowed(txn(then: [nested(then: [del("b")])])))
    }

    @Test func `a lease is as precious as its keys`() throws {
        let machine = try machine()
        try machine.grant(7, ttl: 100)
        try machine.put("z", "1", lease: 7)
        asUser(machine)
        #expect(try machine.put("a", "1", lease: 7) == .failure(.permissionDenied))
        let revoke = LeaseRevokeRequest.with { $0.id = 7 }
        #expect(try machine.perform(.leaseRevoke, revoke) == .failure(.permissionDenied))
        machine.asker = machine.auth.serverIdentity
        try machine.put("z", "2")
        asUser(machine)
        #expect(try machine.put("a", "1", lease: 7) == .put(revision: 5, previous: nil))
        #expect(try machine.perform(.leaseRevoke, revoke) == .leaseRevoke(revision: 6))
    }

    @Test func `users see themselves and their roles, and only root manages`() throws {
        let machine = try machine()
        asUser(machine)
        let (own, other) = (
            AuthUserGetRequest.with { $0.name = "u" }, AuthUserGetRequest.with { $0.name = "root" }
        )
        #expect(try machine.perform(.authUserGet, own) == .auth(.names(revision: 2, [bytes("r")])))
        #expect(try machine.perform(.authUserGet, other) == .failure(.permissionDenied))
        let role = AuthRoleGetRequest.with { $0.role = "r" }
        #expect(try machine.perform(.authRoleGet, role) != .failure(.permissionDenied))
        let foreign = AuthRoleGetRequest.with { $0.role = "root" }
        #expect(try machine.perform(.authRoleGet, foreign) == .failure(.permissionDenied))
        for refused in [
            try machine.perform(.authUserList, AuthUserListRequest()), try machine.addUser("w"),
            try machine.perform(.authRoleList, AuthRoleListRequest()), try machine.addRole("w"),
            try machine.perform(.authStatus, AuthStatusRequest()), try machine.enableAuth(),
            try machine.perform(.authDisable, AuthDisableRequest()), try machine.allow("r", .read, "z"),
            try machine.grantRole("r", to: "u"),
        ] { #expect(refused == .failure(.permissionDenied)) }
        machine.asker = AuthIdentity()
        #expect(try machine.perform(.authUserGet, own) == .failure(.userEmpty))
        #expect(try machine.perform(.authStatus, AuthStatusRequest()) == .failure(.userEmpty))
    }

    // Tokens.

    private func login(_ machine: Machine, _ name: String, letters: String) throws -> Outcome {
        machine.asker = AuthIdentity()
        return try machine.perform(
            .authenticate,
            InternalAuthenticateRequest.with {
                $0.name = name; $0.simpleToken = letters
            })
    }

    @Test func `a token is its letters and the index of its entry, and lives as long as it is used`() throws {
        let machine = try machine()
        let outcome = try login(machine, "u", letters: "AhfeFRTQVIYWnrIu")
        let token = bytes("AhfeFRTQVIYWnrIu.\(machine.index)")
        let authRevision = machine.auth.revision
        #expect(outcome == .auth(.token(revision: 2, authRevision: authRevision, token)))
        #expect(SimpleTokens.index(of: token) == machine.index)
        let identity = AuthIdentity(user: bytes("u"), revision: authRevision)
        for seconds in [299, 598, 897] {
            #expect(try machine.auth.identity(token: token, at: .seconds(seconds)) == identity)
        }
        #expect(throws: StoreError.invalidAuthToken) {
            try machine.auth.identity(token: token, at: .seconds(1197))
        }
    }

    @Test func `a token goes with its user, its password and authentication itself`() throws {
        let machine = try machine()
        func isKnown(_ letters: String, after request: () throws -> Outcome) throws -> Bool {
            guard case .auth(.token(_, _, let token)) = try login(machine, "u", letters: letters) else {
                return false
            }
            machine.asker = machine.auth.serverIdentity
            #expect(try request() == .auth(.done(revision: 2)))
            return (try? machine.auth.identity(token: token, at: .zero)) != nil
        }
        #expect(try isKnown("a") { try machine.allow("r", .read, "k") })
        #expect(
            try !isKnown("b") {
                try machine.perform(
                    .authUserChangePassword,
                    AuthUserChangePasswordRequest.with {
                        $0.name = "u"; $0.hashedPassword = "AAAA"
                    })
            })
        #expect(try !isKnown("c") { try machine.perform(.authDisable, AuthDisableRequest()) })
        #expect(try login(machine, "u", letters: "d") == .failure(.authNotEnabled))
        try machine.enableAuth()
        #expect(
            try !isKnown("e") {
                try machine.perform(.authUserDelete, AuthUserDeleteRequest.with { $0.name = "u" })
            })
        #expect(try login(machine, "u", letters: "f") == .failure(.authenticationFailed))
    }
}
