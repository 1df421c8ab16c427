import Wire

/// A user as bucket authUsers keeps it under its name: authpb.User {1 name, 2 password, 3 roles, 4 options}.
///
/// Names are bytes: texts that only look alike are different users.
package struct AuthUser: Sendable, Equatable {
    package var name: [UInt8]
    /// A bcrypt hash; empty when no password opens the door.
    package var password: [UInt8] = []
    /// Ascending.
    package var roles: [[UInt8]] = []
    /// UserAddOptions {1 no_password}; nil for users of etcd before 3.4, which wrote none.
    package var hasNoPassword: Bool?

    init(name: [UInt8]) { self.name = name }

    /// Nil for bytes that are no user.
    init?(decoding bytes: [UInt8]) {
        guard let fields = try? Fields(decoding: bytes) else { return nil }
        name = fields.bytes(1)
        password = fields.bytes(2)
        roles = fields.all(3)
        if fields.has(4) { hasNoPassword = (fields.message(4)?.number(1) ?? 0) != 0 }
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendPresent(1, name)
        bytes.appendPresent(2, password)
        for role in roles { bytes.appendField(3, always: role) }
        if let hasNoPassword {
            var options: [UInt8] = []
            options.appendField(1, hasNoPassword)
            bytes.appendField(4, always: options)
        }
        return bytes
    }
}

/// A role as bucket authRoles keeps it under its name: authpb.Role {1 name, 2 keyPermission}.
package struct AuthRole: Sendable, Equatable {
    package var name: [UInt8]
    /// Ascending by key; those of one key in the order they were granted.
    package var permissions: [AuthPermission] = []

    init(name: [UInt8]) { self.name = name }

    /// Nil for bytes that are no role.
    init?(decoding bytes: [UInt8]) {
        guard let fields = try? Fields(decoding: bytes) else { return nil }
        name = fields.bytes(1)
        for encoded in fields.all(2) {
            guard let permission = try? Fields(decoding: encoded) else { return nil }
            permissions.append(AuthPermission(permission))
        }
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendPresent(1, name)
        for permission in permissions { bytes.appendField(2, always: permission.encoded) }
        return bytes
    }
}

/// What a role may do with a range of keys: authpb.Permission {1 permType, 2 key, 3 range_end}.
package struct AuthPermission: Sendable, Equatable {
    private static let read: UInt64 = 0
    private static let write: UInt64 = 1
    private static let readWrite: UInt64 = 2

    /// As sent; numbers without a meaning permit nothing.
    var type: UInt64
    var key: [UInt8]
    /// The end convention of RangeRequest.
    var rangeEnd: [UInt8]

    init(_ fields: Fields) {
        type = UInt64(bitPattern: fields.number(1))
        key = fields.bytes(2)
        rangeEnd = fields.bytes(3)
    }

    var mayRead: Bool { type == Self.read || type == Self.readWrite }
    var mayWrite: Bool { type == Self.write || type == Self.readWrite }

    /// A key, and no end, one above it, or the open end.
    var isValid: Bool {
        !key.isEmpty
            && (rangeEnd.isEmpty || rangeEnd == KeyInterval.openEnd
                || key.lexicographicallyPrecedes(rangeEnd))
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, type)
        bytes.appendPresent(2, key)
        bytes.appendPresent(3, rangeEnd)
        return bytes
    }
}

extension [UInt8] {
    /// A bytes or string field, left out when empty (proto3).
    fileprivate mutating func appendPresent(_ number: Int, _ bytes: [UInt8]) {
        if !bytes.isEmpty { appendField(number, always: bytes) }
    }
}
