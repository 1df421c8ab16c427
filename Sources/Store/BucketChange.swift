/// The buckets the state machine keeps beside the keys; raw values are etcd's names (wal-snap.md 6).
package enum BucketName: String, Sendable, CaseIterable {
    case meta, lease, alarm, cluster, members
    case membersRemoved = "members_removed"
    case auth, authUsers, authRoles
}

/// One key of a bucket set or, with a nil value, deleted; written by the next flush.
package struct BucketChange: Sendable, Equatable {
    package var bucket: BucketName
    package var key: [UInt8]
    package var value: [UInt8]?

    package init(_ bucket: BucketName, key: [UInt8], value: [UInt8]?) {
        self.bucket = bucket
        self.key = key
        self.value = value
    }
}
