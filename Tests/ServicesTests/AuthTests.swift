import EtcdAPI
import FoundationEssentials
import Store
import SwiftProtobuf
import Testing

@testable import Services

/// What calls are answered while authentication is on (spec/vectors.md 7, "call while enabled").
@Suite struct AuthTests {
    typealias Failure = TestMember.Failure
    private static let denied = Failure(code: 7, text: "etcdserver: permission denied")
    private static let anonymous = Failure(code: 3, text: "etcdserver: user name is empty")
    private static let badToken = Failure(code: 16, text: "etcdserver: invalid auth token")

    /// Authentication on: root with password "secret", u with password "pw" and READWRITE on [a, c), READ
    /// on [c, d), and nopw without a password.
    private func enabled(_ change: (inout ServicesLimits) -> Void = { _ in }) throws -> TestMember {
        let member = try TestMember(change)
        try member.put("z", "1")
        try member.addUser("root", "secret")
        try member.addUser("u", "pw")
        try member.addUser("nopw", nil)
        try member.addRole("r")
        for (type, key, end) in [(Permission.TypeEnum.readwrite, "a", "c"), (.read, "c", "d")] {
            try member.allow("r", type, key, end)
        }
        try member.grantRole("root", to: "root")
        try member.grantRole("r", to: "u")
        try member.call(.authEnable, AuthEnableRequest(), as: AuthEnableResponse.self)
        return member
    }

    private func range(
        _ member: TestMember, _ key: String, _ end: String = "", token: String?, serializable: Bool = false
    ) throws -> RangeResponse {
        try member.call(
            .range,
            RangeRequest.with {
                $0.key = data(key); $0.rangeEnd = data(end); $0.serializable = serializable
            }, token: token)
    }

    @Test func `while authentication is off everything passes and tokens are not looked at`() throws {
        let member = try TestMember()
        #expect(try range(member, "k", token: "made-up").count == 0)
        let status: AuthStatusResponse = try member.call(.authStatus, AuthStatusRequest())
        #expect(!status.enabled && status.authRevision == 1)
        #expect(throws: Failure(code: 9, text: "etcdserver: authentication is not enabled")) {
            try member.login("root", "secret")
        }
        #expect(throws: Failure(code: 9, text: "etcdserver: root user does not exist")) {
            try member.call(.authEnable, AuthEnableRequest(), as: AuthEnableResponse.self)
        }
    }

    @Test func `the right password gives a token, and nothing else does`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        let parts = token.split(separator: ".")
        #expect(parts.count == 2 && parts[0].count == 16 && UInt64(parts[1]) != nil)
        let wrong = Failure(
            code: 3, text: "etcdserver: authentication failed, invalid user ID or password")
        #expect(throws: wrong) { try member.login("u", "PW") }
        #expect(throws: wrong) { try member.login("ghost", "pw") }
        #expect(
            throws: Failure(
                code: 2, text: "auth: authentication failed, password was given for no password user")
        ) { try member.login("nopw", "") }
    }

    @Test func `reads are for identified users, within the union of their permissions`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        for serializable in [false, true] {
            func read(_ key: String, _ end: String = "", _ token: String? = token) throws {
                _ = try range(member, key, end, token: token, serializable: serializable)
            }
            #expect(throws: Self.anonymous) { try read("a", "", nil) }
            #expect(throws: Self.badToken) { try read("a", "", "AhfeFRTQVIYWnrIu.1") }
            #expect(throws: Self.badToken) { try read("a", "", "nonsense") }
            try read("a", "d")
            #expect(throws: Self.denied) { try read("a", "e") }
            #expect(throws: Self.denied) { try read("a", "\0") }
            #expect(throws: Self.denied) { try read("d") }
            let reading = TxnRequest.with {
                $0.success = [
                    .with {
                        $0.requestRange = .with {
                            $0.key = data("d")
                            $0.serializable = serializable
                        }
                    }
                ]
            }
            #expect(throws: Self.denied) {
                try member.call(.txn, reading, as: TxnResponse.self, token: token)
            }
        }
    }

    @Test func `an authorization header counts when there is no token`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        for value in [token, "Bearer " + token] {
            let stream = member.open(.range, [("authorization", value)])
            try member.send(stream, RangeRequest.with { $0.key = data("a") }, end: true)
            try member.check(stream)
        }
        let stream = member.open(.range, [("authorization", token), ("token", "x")])
        try member.send(stream, RangeRequest.with { $0.key = data("a") }, end: true)
        #expect(member.status(stream) == Self.badToken)
    }

    @Test func `writes are judged by their entry`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        func put(_ key: String, _ token: String?) throws {
            try member.call(
                .put, PutRequest.with { $0.key = data(key) }, as: PutResponse.self, token: token)
        }
        try put("a", token)
        #expect(throws: Self.denied) { try put("c", token) }
        #expect(throws: Self.anonymous) { try put("a", nil) }
        #expect(throws: Self.badToken) { try put("a", "x") }
        try put("c", try member.login("root", "secret"))
    }

    @Test func `a role may change under a token, a password may not`() throws {
        let member = try enabled()
        let root = try member.login("root", "secret")
        let token = try member.login("u", "pw")
        try member.allow("r", .read, "x", token: root)
        _ = try range(member, "x", token: token)
        try member.call(
            .userChangePassword,
            AuthUserChangePasswordRequest.with {
                $0.name = "u"; $0.password = "new"
            },
            as: AuthUserChangePasswordResponse.self, token: root)
        #expect(throws: Self.badToken) { try range(member, "x", token: token) }
        _ = try range(member, "x", token: try member.login("u", "new"))
        #expect(throws: (any Error).self) { try member.login("u", "pw") }
    }

    @Test func `calls that manage the server are for root`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        let unmapped = Failure(code: 7, text: "etcdserver: permission denied")
        func refused(_ method: Services.Method, _ request: some SwiftProtobuf.Message) -> [Failure?] {
            [token, nil].map { token in
                do {
                    try member.call(method, request, as: AuthEnableResponse.self, token: token)
                    return nil
                } catch { return error as? Failure }
            }
        }
        for answer in [
            refused(.memberAdd, MemberAddRequest()), refused(.memberRemove, MemberRemoveRequest()),
            refused(.hashKV, HashKVRequest()), refused(.defragment, DefragmentRequest()),
            refused(.moveLeader, MoveLeaderRequest()), refused(.compact, CompactionRequest()),
            refused(.alarm, AlarmRequest.with { $0.action = .activate }),
            refused(.userList, AuthUserListRequest()), refused(.roleList, AuthRoleListRequest()),
            refused(.userAdd, AuthUserAddRequest.with { $0.name = "w" }),
            refused(.authStatus, AuthStatusRequest()), refused(.authDisable, AuthDisableRequest()),
        ] { #expect(answer == [unmapped, Self.anonymous]) }
        for answer in [
            refused(.memberList, MemberListRequest()), refused(.status, StatusRequest()),
            refused(.alarm, AlarmRequest()), refused(.leaseGrant, LeaseGrantRequest.with { $0.ttl = 9 }),
        ] { #expect(answer == [nil, Self.anonymous]) }
        let own: AuthUserGetResponse = try member.call(
            .userGet, AuthUserGetRequest.with { $0.name = "u" }, token: token)
        #expect(own.roles == ["r"])
        #expect(throws: Self.denied) {
            try member.call(
                .userGet, AuthUserGetRequest.with { $0.name = "root" }, as: AuthUserGetResponse.self,
                token: token)
        }
    }

    @Test func `a watcher is refused on its stream, which goes on`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        func answers(_ metadata: [(String, String)], _ keys: [(String, String)]) throws -> [WatchResponse] {
            let stream = member.open(.watch, metadata)
            for (key, end) in keys {
                let create = WatchCreateRequest.with {
                    $0.key = data(key); $0.rangeEnd = data(end)
                }
                try member.send(stream, WatchRequest.with { $0.createRequest = create })
            }
            return try member.responses(stream)
        }
        let mixed = try answers([("token", token)], [("a", "e"), ("a", "d"), ("", "\0")])
        #expect(mixed.map(\.watchID) == [-1, 0, -1])
        #expect(mixed.map(\.canceled) == [true, false, true])
        #expect(mixed.map(\.created) == [true, true, true])
        #expect(
            mixed[0].cancelReason == "rpc error: code = PermissionDenied desc = etcdserver: permission denied"
        )
        let reasons = try [[], [("token", "x")]].map { try answers($0, [("a", "")])[0].cancelReason }
        #expect(reasons[0] == "rpc error: code = InvalidArgument desc = etcdserver: user name is empty")
        #expect(reasons[1] == "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token")
    }

    @Test func `leases show and let go of keys only to those who may touch them`() throws {
        let member = try enabled()
        let (root, token) = (try member.login("root", "secret"), try member.login("u", "pw"))
        func call(_ method: Services.Method, _ request: some SwiftProtobuf.Message, _ token: String) throws {
            try member.call(method, request, as: AuthEnableResponse.self, token: token)
        }
        try call(
            .leaseGrant,
            LeaseGrantRequest.with {
                $0.id = 7; $0.ttl = 60
            }, token)
        let keys = LeaseTimeToLiveRequest.with {
            $0.id = 7; $0.keys = true
        }
        try call(.leaseTimeToLive, keys, token)
        try call(.leaseLeases, LeaseLeasesRequest(), token)
        try call(
            .put,
            PutRequest.with {
                $0.key = data("z"); $0.lease = 7
            }, root)
        for (method, request) in [
            (Services.Method.leaseTimeToLive, keys as any SwiftProtobuf.Message),
            (.leaseLeases, LeaseLeasesRequest()),
            (
                .put,
                PutRequest.with {
                    $0.key = data("a"); $0.lease = 7
                }
            ),
            (.leaseRevoke, LeaseRevokeRequest.with { $0.id = 7 }),
        ] {
            #expect(throws: Self.denied) { try call(method, request, token) }
            try call(method, request, root)
        }
        let stream = member.open(.leaseKeepAlive, [("token", token)])
        try call(
            .leaseGrant,
            LeaseGrantRequest.with {
                $0.id = 8; $0.ttl = 60
            }, token)
        try call(
            .put,
            PutRequest.with {
                $0.key = data("a"); $0.lease = 8
            }, token)
        try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 8 })
        #expect(try member.responses(stream, LeaseKeepAliveResponse.self).map(\.ttl) == [60])
        try call(
            .put,
            PutRequest.with {
                $0.key = data("z"); $0.lease = 8
            }, root)
        try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 8 })
        #expect(member.status(stream) == Self.denied)
    }

    @Test func `an expired lease goes by the server's own right`() throws {
        let member = try enabled()
        let root = try member.login("root", "secret")
        try member.call(
            .leaseGrant,
            LeaseGrantRequest.with {
                $0.id = 7; $0.ttl = 2
            }, as: LeaseGrantResponse.self,
            token: root)
        try member.call(
            .put,
            PutRequest.with {
                $0.key = data("z"); $0.lease = 7
            }, as: PutResponse.self, token: root)
        member.advance(.seconds(5))
        #expect(try range(member, "z", token: root).count == 0)
    }

    @Test func `a lock is taken with the caller's rights`() throws {
        let member = try enabled()
        let (root, token) = (try member.login("root", "secret"), try member.login("u", "pw"))
        func lock(_ name: String, _ token: String?) throws {
            try member.call(
                .lock, LockRequest.with { $0.name = data(name) }, as: LockResponse.self, token: token)
        }
        try lock("a", token)
        try lock("y", root)
        #expect(throws: Failure(code: 2, text: "etcdserver: permission denied")) { try lock("y", token) }
        #expect(throws: Failure(code: 2, text: "etcdserver: user name is empty")) { try lock("a", nil) }
    }

    @Test func `a call whose token this member has not heard of yet waits for it`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        let index = UInt64(token.split(separator: ".")[1]) ?? 0
        // As if the entry of the token were committed but not applied here.
        member.setApplied(index - 1)
        member.isStalled = true
        let stream = member.open(.range, [("token", token)])
        try member.send(
            stream,
            RangeRequest.with {
                $0.key = data("a"); $0.serializable = true
            }, end: true)
        #expect(member.status(stream) == nil)
        member.setApplied(index)
        member.isStalled = false
        member.advance(.seconds(1))
        try member.check(stream)
    }

    @Test func `a watcher whose token this member has not heard of yet waits for it`() throws {
        let member = try enabled()
        let token = try member.login("u", "pw")
        let index = UInt64(token.split(separator: ".")[1]) ?? 0
        member.setApplied(index - 1)
        let stream = member.open(.watch, [("token", token)])
        for key in ["a", "e"] {
            let create = WatchCreateRequest.with { $0.key = data(key) }
            try member.send(stream, WatchRequest.with { $0.createRequest = create })
        }
        member.advance(.seconds(1))
        #expect(try member.responses(stream, WatchResponse.self).isEmpty)
        member.setApplied(index)
        member.advance(.milliseconds(100))
        #expect(try member.responses(stream, WatchResponse.self).map(\.canceled) == [false, true])
    }

    @Test func `a token of an index that never comes is invalid`() throws {
        let member = try enabled()
        #expect(throws: Self.badToken) { try range(member, "a", token: "AhfeFRTQVIYWnrIu.999999") }
    }

    @Test func `a password that changed while it was checked is checked again`() throws {
        let member = try enabled()
        let root = try member.login("root", "secret")
        member.holdsPasswords = true
        let stream = member.open(.authenticate)
        try member.send(
            stream,
            AuthenticateRequest.with {
                $0.name = "u"; $0.password = "pw"
            }, end: true)
        try member.allow("r", .read, "x", token: root)
        #expect(member.status(stream) == nil)
        // The first check was at an older auth revision; it leads to a second one.
        member.workPasswords()
        #expect(member.status(stream) == nil)
        member.workPasswords()
        try member.check(stream)
    }

    @Test func `a check nobody works on ends with the request's time`() throws {
        let member = try enabled()
        member.holdsPasswords = true
        let stream = member.open(.authenticate)
        try member.send(
            stream,
            AuthenticateRequest.with {
                $0.name = "u"; $0.password = "pw"
            }, end: true)
        member.advance(.seconds(8))
        #expect(member.status(stream) == Failure(code: 14, text: "etcdserver: request timed out"))
        member.workPasswords()
    }

    @Test func `bcrypt's own refusals come with their text`() throws {
        let member = try TestMember()
        #expect(throws: Failure(code: 2, text: "bcrypt: password length exceeds 72 bytes")) {
            try member.addUser("u", String(repeating: "x", count: 73))
        }
        #expect(throws: Failure(code: 3, text: "etcdserver: user name is empty")) {
            try member.addUser("", "x")
        }
    }
}
