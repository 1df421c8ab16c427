import Backend
import MVCC

/// Users, roles, and whether they matter: the part of the replicated state that says who may do what
/// (api.md 17).
///
/// A verb throws before its first change or not at all, and otherwise returns what the buckets have to be
/// told. `revision` grows by one with every change, and with disabling; a grant of a role that is granted
/// already is no change, nor is enabling.
struct AuthState: Sendable {
    /// The user that must exist, and the role that may do everything.
    static let root = Array("root".utf8)

    private(set) var isEnabled = false
    private(set) var revision: UInt64 = 1
    private(set) var users: [[UInt8]: AuthUser] = [:]
    private(set) var roles: [[UInt8]: AuthRole] = [:]
    /// Made when first asked for, dropped with every change.
    private var permissions: [[UInt8]: UserPermissions] = [:]

    init() {}

    init(_ stored: StoredAuth) {
        isEnabled = stored.isEnabled
        revision = stored.revision ?? 1
        users = Dictionary(uniqueKeysWithValues: stored.users.map { ($0.name, $0) })
        roles = Dictionary(uniqueKeysWithValues: stored.roles.map { ($0.name, $0) })
    }

    var userNames: [[UInt8]] { users.keys.sorted { $0.lexicographicallyPrecedes($1) } }
    var roleNames: [[UInt8]] { roles.keys.sorted { $0.lexicographicallyPrecedes($1) } }

    func hasRootRole(_ user: [UInt8]) -> Bool { users[user]?.roles.contains(Self.root) ?? false }

    /// Nil for a user nobody added.
    mutating func permissions(of name: [UInt8]) -> UserPermissions? {
        if let known = permissions[name] { return known }
        guard let user = users[name] else { return nil }
        let made = UserPermissions(of: user, roles: roles)
        permissions[name] = made
        return made
    }

    // Switching.

    mutating func enable() throws(StoreError) -> [BucketChange] {
        if isEnabled { return [] }
        guard users[Self.root] != nil else { throw .rootUserNotExist }
        guard hasRootRole(Self.root) else { throw .rootRoleNotExist }
        isEnabled = true
        return [StoredAuth.enabledChange(true)]
    }

    mutating func disable() -> [BucketChange] {
        if !isEnabled { return [] }
        isEnabled = false
        return commit([StoredAuth.enabledChange(false)])
    }

    // Users.

    /// `password`: the hash; `hasNoPassword`: as the request has its options.
    mutating func addUser(
        _ name: [UInt8], password: [UInt8], hasNoPassword: Bool
    ) throws(StoreError) -> [BucketChange] {
        if name.isEmpty { throw .userEmpty }
        if users[name] != nil { throw .userAlreadyExists }
        var user = AuthUser(name: name)
        user.hasNoPassword = hasNoPassword
        if !hasNoPassword { user.password = password }
        return commit([store(user)])
    }

    mutating func deleteUser(_ name: [UInt8]) throws(StoreError) -> [BucketChange] {
        if isEnabled, name == Self.root { throw .invalidAuthManagement }
        guard users.removeValue(forKey: name) != nil else { throw .userNotFound }
        return commit([BucketChange(.authUsers, key: name, value: nil)])
    }

    mutating func changePassword(
        of name: [UInt8], to password: [UInt8]
    ) throws(StoreError) -> [BucketChange] {
        guard var user = users[name] else { throw .userNotFound }
        user.password = user.hasNoPassword == true ? [] : password
        return commit([store(user)])
    }

    mutating func grantRole(_ role: [UInt8], to name: [UInt8]) throws(StoreError) -> [BucketChange] {
        guard var user = users[name] else { throw .userNotFound }
        guard role == Self.root || roles[role] != nil else { throw .roleNotFound }
        if user.roles.contains(role) { return [] }
        user.roles.append(role)
        user.roles.sort { $0.lexicographicallyPrecedes($1) }
        return commit([store(user)])
    }

    mutating func revokeRole(_ role: [UInt8], from name: [UInt8]) throws(StoreError) -> [BucketChange] {
        if isEnabled, name == Self.root, role == Self.root { throw .invalidAuthManagement }
        guard var user = users[name] else { throw .userNotFound }
        guard user.roles.contains(role) else { throw .roleNotGranted }
        user.roles.removeAll { $0 == role }
        return commit([store(user)])
    }

    // Roles.

    mutating func addRole(_ name: [UInt8]) throws(StoreError) -> [BucketChange] {
        if name.isEmpty { throw .roleEmpty }
        if roles[name] != nil { throw .roleAlreadyExists }
        return commit([store(AuthRole(name: name))])
    }

    /// Takes it from every user, too.
    mutating func deleteRole(_ name: [UInt8]) throws(StoreError) -> [BucketChange] {
        if isEnabled, name == Self.root { throw .invalidAuthManagement }
        guard roles.removeValue(forKey: name) != nil else { throw .roleNotFound }
        var changes = [BucketChange(.authRoles, key: name, value: nil)]
        for holder in userNames {
            guard var user = users[holder], user.roles.contains(name) else { continue }
            user.roles.removeAll { $0 == name }
            changes.append(store(user))
        }
        return commit(changes)
    }

    /// A permission for the same range is replaced; only the first of that key is looked at.
    mutating func grantPermission(
        _ permission: AuthPermission?, to name: [UInt8]
    ) throws(StoreError) -> [BucketChange] {
        guard let permission else { throw .permissionNotGiven }
        guard permission.isValid else { throw .invalidAuthManagement }
        guard var role = roles[name] else { throw .roleNotFound }
        let place = role.permissions.firstIndex { !$0.key.lexicographicallyPrecedes(permission.key) }
        if let place, role.permissions[place].key == permission.key,
            role.permissions[place].rangeEnd == permission.rangeEnd
        {
            role.permissions[place] = permission
        } else {
            let end = role.permissions.firstIndex { permission.key.lexicographicallyPrecedes($0.key) }
            role.permissions.insert(permission, at: end ?? role.permissions.count)
        }
        return commit([store(role)])
    }

    mutating func revokePermission(
        _ key: [UInt8], _ rangeEnd: [UInt8], from name: [UInt8]
    ) throws(StoreError) -> [BucketChange] {
        guard var role = roles[name] else { throw .roleNotFound }
        let before = role.permissions.count
        role.permissions.removeAll { $0.key == key && $0.rangeEnd == rangeEnd }
        guard role.permissions.count < before else { throw .permissionNotGranted }
        return commit([store(role)])
    }

    private mutating func store(_ user: AuthUser) -> BucketChange {
        users[user.name] = user
        return BucketChange(.authUsers, key: user.name, value: user.encoded)
    }

    private mutating func store(_ role: AuthRole) -> BucketChange {
        roles[role.name] = role
        return BucketChange(.authRoles, key: role.name, value: role.encoded)
    }

    private mutating func commit(_ changes: [BucketChange]) -> [BucketChange] {
        revision += 1
        permissions.removeAll()
        return changes + [StoredAuth.revisionChange(revision)]
    }
}
