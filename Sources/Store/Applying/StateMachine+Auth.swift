import COpenSSL
import EtcdAPI
import MVCC
import Wire

/// The Auth service's requests (api.md 17). They carry hashes instead of passwords.
extension StateMachine {
    func applyAuth(
        _ request: EntryRequest, in bytes: borrowing RawSpan, entry index: UInt64, at now: Duration
    ) -> Outcome? {
        guard let kind = request.kind, let fields = try? Fields(decoding: bytes, at: request.at) else {
            return nil
        }
        do {
            return .auth(try answer(kind, fields, entry: index, at: now))
        } catch {
            return .failure(error)
        }
    }

    private func answer(
        _ kind: InternalRaftRequest.Kind, _ request: Fields, entry index: UInt64, at now: Duration
    ) throws(StoreError) -> AuthOutcome {
        let revision = keyspace.currentRevision
        switch kind {
        case .authenticate: return try authenticate(request, entry: index, at: now)
        case .authStatus:
            let status = auth.read { ($0.isEnabled, $0.revision) }
            return .status(revision: revision, enabled: status.0, authRevision: status.1)
        case .authUserList: return .names(revision: revision, auth.read(\.userNames))
        case .authRoleList: return .names(revision: revision, auth.read(\.roleNames))
        case .authUserGet:
            guard let user = auth.read({ $0.users[request.bytes(1)] }) else { throw .userNotFound }
            return .names(revision: revision, user.roles)
        case .authRoleGet:
            guard let role = auth.read({ $0.roles[request.bytes(1)] }) else { throw .roleNotFound }
            return .permissions(revision: revision, role.permissions.map(\.encoded))
        default:
            changes += try change(kind, request)
            return .done(revision: revision)
        }
    }

    private func change(
        _ kind: InternalRaftRequest.Kind, _ request: Fields
    ) throws(StoreError) -> [BucketChange] {
        let (name, second) = (request.bytes(1), request.bytes(2))
        switch kind {
        case .authEnable: return try auth.change { (state) throws(StoreError) in try state.enable() }
        case .authDisable:
            let changes = try auth.change { $0.disable() }
            auth.tokens?.removeAll()
            return changes
        case .authUserAdd: return try addUser(request)
        case .authUserDelete:
            let changes = try auth.change { (state) throws(StoreError) in try state.deleteUser(name) }
            auth.tokens?.remove(of: name)
            return changes
        case .authUserChangePassword:
            let hash = try passwordHash(request, hashField: 3)
            let changes = try auth.change { (state) throws(StoreError) in
                try state.changePassword(of: name, to: hash)
            }
            auth.tokens?.remove(of: name)
            return changes
        case .authUserGrantRole:
            return try auth.change { (state) throws(StoreError) in try state.grantRole(second, to: name) }
        case .authUserRevokeRole:
            return try auth.change { (state) throws(StoreError) in try state.revokeRole(second, from: name) }
        case .authRoleAdd: return try auth.change { (state) throws(StoreError) in try state.addRole(name) }
        case .authRoleDelete:
            return try auth.change { (state) throws(StoreError) in try state.deleteRole(name) }
        case .authRoleGrantPermission:
            return try auth.change { (state) throws(StoreError) in
                try state.grantPermission(request.message(2).map(AuthPermission.init), to: name)
            }
        case .authRoleRevokePermission:
            return try auth.change { (state) throws(StoreError) in
                try state.revokePermission(second, request.bytes(3), from: name)
            }
        default: preconditionFailure("no auth request: \(kind)")
        }
    }

    private func addUser(_ request: Fields) throws(StoreError) -> [BucketChange] {
        let hasNoPassword = (request.message(3)?.number(1) ?? 0) != 0
        let hash = hasNoPassword ? [] : try passwordHash(request, hashField: 4)
        return try auth.change { (state) throws(StoreError) in
            try state.addUser(request.bytes(1), password: hash, hasNoPassword: hasNoPassword)
        }
    }

    /// The hash that came base64 encoded in `hashField`.
    ///
    /// The log of an etcd before 3.5 has the password itself in field 2. It is hashed here then, at etcd's
    /// default cost, with a salt that is the same on every member.
    private func passwordHash(_ request: Fields, hashField: Int) throws(StoreError) -> [UInt8] {
        let password = request.bytes(2)
        if password.isEmpty || !request.bytes(hashField).isEmpty {
            guard let hash = [UInt8](base64: request.bytes(hashField)) else { throw .noPasswordUser }
            return hash
        }
        let seed = request.bytes(1) + auth.revision.bigEndianBytes
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        unsafe SHA256(seed, seed.count, &digest)
        do {
            return try Bcrypt.hash(password, cost: 10, salt: Array(digest.prefix(Bcrypt.saltSize)))
        } catch {
            throw .noPasswordUser
        }
    }

    /// The password was checked before this was proposed; the proposer sees by the auth revision whether it
    /// has changed since.
    private func authenticate(
        _ request: Fields, entry index: UInt64, at now: Duration
    ) throws(StoreError) -> AuthOutcome {
        let name = request.bytes(1)
        let credentials: AuthCredentials
        do { credentials = try auth.credentials(of: name) } catch {
            throw error == .noPasswordUser ? .authenticationFailed : error
        }
        let token: [UInt8]
        switch auth.provider {
        case .none: throw .authenticationFailed
        case .simple(let tokens):
            token = tokens.add(letters: request.bytes(3), index: index, user: name, at: now)
        // Signed by whoever answers: no other member needs it.
        case .web: token = []
        }
        return .token(
            revision: keyspace.currentRevision, authRevision: credentials.revision, token)
    }
}
