import EtcdAPI
import Wire

/// Whether whoever proposed an entry may do what it says, judged by the state before it (api.md 17.4): every
/// member comes to the same answer.
extension StateMachine {
    /// Nil when nothing speaks against the request, or when it is one that needs no permission.
    func refusal(of request: EntryRequest, in bytes: borrowing RawSpan) -> StoreError? {
        let asker = AuthIdentity(user: bytes.copied(request.username), revision: request.authRevision)
        do {
            switch request.kind {
            case .put, .txn, .deleteRange, .range, .leaseRevoke:
                try checkKeys(of: request, in: bytes, by: asker)
            case .authEnable, .authDisable, .authStatus, .authUserAdd, .authUserDelete,
                .authUserChangePassword, .authUserGrantRole, .authUserRevokeRole, .authUserList,
                .authRoleList, .authRoleAdd, .authRoleDelete, .authRoleGrantPermission,
                .authRoleRevokePermission:
                try auth.checkAdmin(asker)
            case .authUserGet, .authRoleGet:
                try checkOwn(request, in: bytes, by: asker)
            default: break
            }
            return nil
        } catch {
            return error
        }
    }

    /// A request that cannot be read has no effect, and needs no permission for it.
    private func checkKeys(
        of request: EntryRequest, in bytes: borrowing RawSpan, by asker: AuthIdentity
    ) throws(StoreError) {
        let permissions = try auth.permissions(of: asker)
        let at = request.at
        switch request.kind {
        case .put:
            let put = decode { () throws(WireError) in try PutCommand(decoding: bytes, at: at) }
            if let put { try permissions.check(put, in: bytes, lessor) }
        case .txn:
            let transaction = decode { () throws(WireError) in try Transaction(decoding: bytes, at: at) }
            if let transaction { try permissions.check(transaction, in: bytes, lessor) }
        case .deleteRange:
            let command = decode { () throws(WireError) in try DeleteRangeCommand(decoding: bytes, at: at) }
            if let command { try permissions.check(command) }
        case .range:
            let query = decode { () throws(WireError) in try RangeQuery(decoding: bytes, at: at) }
            if let query { try permissions.check(.read, query.key, query.rangeEnd) }
        default:
            let numbers = numbers(in: bytes, at)
            if let numbers { try permissions.checkLease(Int64(bitPattern: numbers[1] ?? 0), of: lessor) }
        }
    }

    /// Users may look at themselves and at the roles they have.
    private func checkOwn(
        _ request: EntryRequest, in bytes: borrowing RawSpan, by asker: AuthIdentity
    ) throws(StoreError) {
        do { return try auth.checkAdmin(asker) } catch {
            guard let fields = try? Fields(decoding: bytes, at: request.at) else { throw error }
            let name = fields.bytes(1)
            let isOwn =
                request.kind == .authUserGet
                ? name == asker.user : auth.read { $0.users[asker.user]?.roles.contains(name) ?? false }
            if !isOwn { throw error }
        }
    }
}
