/// The ten buckets of etcd's database, each an LMDB sub-database of the same name, in the order of their
/// names (the order Maintenance.Hash and the snapshots visit them). Source: spec/wal-snap.md 6.
package enum Bucket: UInt8, CaseIterable, Sendable {
    case alarm, auth, authRoles, authUsers, cluster, key, lease, members, membersRemoved, meta

    /// The name in the file, letter for letter etcd's.
    package var name: String {
        switch self {
        case .alarm: "alarm"
        case .auth: "auth"
        case .authRoles: "authRoles"
        case .authUsers: "authUsers"
        case .cluster: "cluster"
        case .key: "key"
        case .lease: "lease"
        case .members: "members"
        case .membersRemoved: "members_removed"
        case .meta: "meta"
        }
    }

    /// The bucket of that name, or nil for a name etcd does not know.
    package init?(name: String) {
        guard let bucket = Bucket.allCases.first(where: { $0.name == name }) else { return nil }
        self = bucket
    }
}
