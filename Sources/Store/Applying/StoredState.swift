import Backend
import MVCC
import Raft
import Wire

/// What the buckets beside the keys hold when the database is opened (wal-snap.md 6).
///
/// Meta: `consistent_index` and `term` as 8 big-endian bytes, `confState` as JSON like etcd's:
/// `{"voters":[1,2],"learners":[3],"auto_leave":false}`, empty lists left out.
package struct StoredState: Sendable, Equatable {
    /// The last entry whose effects are in the database; 0 in a fresh one.
    package var consistentIndex = LogIndex(0)
    package var consistentTerm = Term(0)
    /// Raft's configuration at that entry; nil when none was applied.
    package var configuration: ConfigurationState?
    package var leases: [LeaseRecord] = []
    package var alarms: [AlarmRecord] = []
    package var members: [ClusterMember] = []
    package var removed: [MemberID] = []
    package var clusterVersion: ClusterVersion?
    package var downgrade = DowngradeTarget(enabled: false, version: "")
    package var auth = StoredAuth()

    /// A fresh store's.
    package init() {}

    enum Key {
        static let configuration = Array("confState".utf8)
    }

    /// A value of a bucket that cannot be read: the database is damaged or of another kind.
    package enum LoadError: Error, Equatable {
        case backend(BackendError)
        case keys(MVCCError)
        case damaged(Bucket, key: [UInt8])
        /// It stands for this entry, not for the one it was said to stand for.
        case position(EntryID)
    }

    /// Reads all of it.
    package static func load(from environment: Environment) throws(LoadError) -> StoredState {
        let transaction: ReadTransaction
        do { transaction = try environment.read() } catch { throw .backend(error) }
        return try load(from: transaction)
    }

    /// Reads all of it in one view.
    package static func load(from transaction: borrowing ReadTransaction) throws(LoadError) -> StoredState {
        var state = StoredState()
        for bucket in Bucket.allCases where bucket != .key {
            var damaged: [UInt8]?
            do {
                try transaction.forEach(bucket) { key, value in
                    let isRead = state.take(bucket, key.copied(), value.copied())
                    if !isRead { damaged = key.copied() }
                    return isRead
                }
            } catch { throw .backend(error) }
            if let damaged { throw .damaged(bucket, key: damaged) }
        }
        return state
    }

    /// False when the record cannot be read.
    private mutating func take(_ bucket: Bucket, _ key: [UInt8], _ value: [UInt8]) -> Bool {
        switch bucket {
        case .meta: return takeMeta(key, value)
        case .lease:
            guard let record = StoredState.lease(value), record.bucketKey == key else { return false }
            leases.append(record)
        case .auth, .authUsers, .authRoles: return auth.take(bucket, key, value)
        case .alarm:
            guard let alarm = unsafe AlarmRecord(decoding: key.span.bytes) else { return false }
            alarms.append(alarm)
        case .members:
            guard let member = ClusterMember(json: value) else { return false }
            members.append(member)
        case .membersRemoved:
            guard let id = MemberID(hex: String(decoding: key, as: UTF8.self)) else { return false }
            removed.append(id)
        case .cluster:
            if key == Array("clusterVersion".utf8) {
                clusterVersion = ClusterVersion(String(decoding: value, as: UTF8.self))
                return clusterVersion != nil
            }
            if key == Array("downgrade".utf8) {
                guard let target = DowngradeTarget(json: value) else { return false }
                downgrade = target
            }
        case .key: break
        }
        return true
    }

    private mutating func takeMeta(_ key: [UInt8], _ value: [UInt8]) -> Bool {
        let number = value.count == 8 ? value.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } : nil
        switch key {
        case MetaKey.consistentIndex:
            consistentIndex = LogIndex(number ?? 0)
            return number != nil
        case MetaKey.term:
            consistentTerm = Term(number ?? 0)
            return number != nil
        case Key.configuration:
            configuration = StoredState.configuration(value)
            return configuration != nil
        default:
            return true
        }
    }

    private static func lease(_ value: [UInt8]) -> LeaseRecord? {
        do { return try unsafe LeaseRecord(decoding: value.span.bytes) } catch { return nil }
    }

    static func stored(_ configuration: ConfigurationState) -> BucketChange {
        var text = "{"
        for (name, list) in [
            ("voters", configuration.voters), ("learners", configuration.learners),
            ("voters_outgoing", configuration.votersOutgoing), ("learners_next", configuration.learnersNext),
        ] where !list.isEmpty {
            text += "\"\(name)\":[" + list.map { String($0.rawValue) }.joined(separator: ",") + "],"
        }
        text += "\"auto_leave\":\(configuration.autoLeave)}"
        return BucketChange(.meta, key: Key.configuration, value: Array(text.utf8))
    }

    static func configuration(_ value: [UInt8]) -> ConfigurationState? {
        guard let json = JSONValue(parsing: value), case .object = json else { return nil }
        func list(_ name: String) -> [MemberID] {
            guard case .array(let values)? = json[name] else { return [] }
            return values.compactMap(\.unsigned).map { MemberID($0) }.sorted()
        }
        return ConfigurationState(
            voters: list("voters"), learners: list("learners"), votersOutgoing: list("voters_outgoing"),
            learnersNext: list("learners_next"), autoLeave: json["auto_leave"]?.flag ?? false)
    }

    /// Hands the state to the parts that keep it, and attaches every live key with a lease to it.
    package func restore(
        lessor: Lessor, membership: Membership, alarms: Alarms, auth: AuthStore, keyspace: Keyspace
    ) throws(LoadError) {
        membership.restore(
            members: members, removed: removed, clusterVersion: clusterVersion, downgrade: downgrade)
        alarms.restore(self.alarms)
        auth.restore(self.auth)
        var attached: [(key: [UInt8], lease: Int64)] = []
        if !leases.isEmpty {
            do {
                try StoredState.forEachLeasedKey(keyspace) { key, lease in attached.append((key, lease)) }
            } catch { throw .keys(error) }
        }
        lessor.restore(leases, attached: attached)
    }

    private static func forEachLeasedKey(
        _ keyspace: Keyspace, _ body: (_ key: [UInt8], _ lease: Int64) -> Void
    ) throws(MVCCError) {
        let selection = try keyspace.makeReader().select(.all)
        defer { selection.release() }
        for (position, match) in selection.matches.enumerated() where match.hasLease {
            try selection.withRecord(position) { record in
                if let pair = StoredPair(record) { body(record.copied(pair.key), pair.lease) }
            }
        }
    }
}
