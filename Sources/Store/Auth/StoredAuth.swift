import Backend
import MVCC

/// What the three auth buckets hold when the database is opened (wal-snap.md 6).
///
/// Auth: `authEnabled`, one byte 0 or 1, absent until first enabled; `authRevision`, 8 big-endian bytes.
/// AuthUsers and authRoles: a record by its name.
package struct StoredAuth: Sendable, Equatable {
    package var isEnabled = false
    /// Nil in a database nothing was applied to, or whose writer knew no auth.
    package var revision: UInt64?
    package var users: [AuthUser] = []
    package var roles: [AuthRole] = []

    package init() {}

    private enum Key {
        static let enabled = Array("authEnabled".utf8)
        static let revision = Array("authRevision".utf8)
    }

    static func enabledChange(_ isEnabled: Bool) -> BucketChange {
        BucketChange(.auth, key: Key.enabled, value: [isEnabled ? 1 : 0])
    }

    static func revisionChange(_ revision: UInt64) -> BucketChange {
        BucketChange(.auth, key: Key.revision, value: revision.bigEndianBytes)
    }

    /// Reads one record of one of the three; false when it cannot be read.
    mutating func take(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]) -> Bool {
        switch bucket {
        case .auth where key == Key.enabled:
            isEnabled = value == [1]
            return value.count == 1
        case .auth where key == Key.revision:
            revision = value.reduce(0) { $0 << 8 | UInt64($1) }
            return value.count == 8
        case .authUsers:
            guard let user = AuthUser(decoding: value), user.name == key else { return false }
            users.append(user)
        case .authRoles:
            guard let role = AuthRole(decoding: value), role.name == key else { return false }
            roles.append(role)
        default: break
        }
        return true
    }
}
