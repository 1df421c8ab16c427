/// What one user may do with keys, as of one auth revision: the union of all its roles.
package struct UserPermissions: Sendable, Equatable {
    /// What a request does with a key.
    package enum Access: Sendable { case read, write }

    /// A user with the role root may do everything.
    let isRoot: Bool
    let readable: KeyIntervals
    let writable: KeyIntervals

    init(of user: AuthUser, roles: [[UInt8]: AuthRole]) {
        isRoot = user.roles.contains(AuthState.root)
        let granted = user.roles.flatMap { roles[$0]?.permissions ?? [] }
        func merged(_ isWanted: (AuthPermission) -> Bool) -> KeyIntervals {
            KeyIntervals(
                merging: granted.filter(isWanted).map { KeyInterval(key: $0.key, rangeEnd: $0.rangeEnd) })
        }
        readable = merged(\.mayRead)
        writable = merged(\.mayWrite)
    }

    /// Throws `permissionDenied` unless every key of the range may be accessed so.
    package func check(_ access: Access, _ key: [UInt8], _ rangeEnd: [UInt8] = []) throws(StoreError) {
        if isRoot { return }
        let allowed = access == .read ? readable : writable
        guard allowed.contain(KeyInterval(key: key, rangeEnd: rangeEnd)) else { throw .permissionDenied }
    }

    /// A lease whose keys the user may not write cannot be revoked by it, and takes no keys from it either
    /// (revoking deletes them).
    package func checkLease(_ id: Int64, of lessor: Lessor) throws(StoreError) {
        if id == 0 || isRoot { return }
        for key in lessor.keys(of: id) { try check(.write, key) }
    }

    /// What a put needs, in etcd's order.
    func check(_ put: PutCommand, in bytes: borrowing RawSpan, _ lessor: Lessor) throws(StoreError) {
        if isRoot { return }
        let key = bytes.copied(put.key)
        try check(.write, key)
        try checkLease(put.lease, of: lessor)
        if put.wantsPrevious { try check(.read, key) }
    }

    func check(_ command: DeleteRangeCommand) throws(StoreError) {
        try check(.write, command.key, command.rangeEnd)
        if command.wantsPrevious { try check(.read, command.key, command.rangeEnd) }
    }

    /// Both branches must be allowed, whichever is taken, so that a refusal tells nothing of the keys.
    func check(
        _ transaction: Transaction, in bytes: borrowing RawSpan, _ lessor: Lessor
    ) throws(StoreError) {
        if isRoot { return }
        for comparison in transaction.compares { try check(.read, comparison.key, comparison.rangeEnd) }
        for operations in [transaction.success, transaction.failure] {
            for operation in operations {
                switch operation {
                case .range(let query): try check(.read, query.key, query.rangeEnd)
                case .put(let put): try check(put, in: bytes, lessor)
                case .deleteRange(let command): try check(command)
                case .transaction(let nested): try check(nested, in: bytes, lessor)
                case .empty: break
                }
            }
        }
    }

    /// What a Txn that only reads needs.
    package func check(reading transaction: Transaction) throws(StoreError) {
        for comparison in transaction.compares { try check(.read, comparison.key, comparison.rangeEnd) }
        for case .range(let query) in transaction.success + transaction.failure {
            try check(.read, query.key, query.rangeEnd)
        }
    }
}
