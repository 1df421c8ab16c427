import Backend
import MVCC
import Raft
import Store

/// A member's state with its database in memory: the state machine and the flush, one thread for both.
final class LocalStore {
    static let member = MemberID(0x8e9e_05c5_2164_694d)
    static let clusterID: UInt64 = 0xcdf8_1818_e327_66

    let keyspace: Keyspace
    let lessor = Lessor(minimumTTL: 2)
    let membership = Membership(localID: LocalStore.member, clusterID: LocalStore.clusterID)
    let alarms = Alarms()
    let auth = AuthStore(provider: .simple(SimpleTokens(timeToLive: .seconds(300))))
    let boot = RequestIDs.Boot(member: LocalStore.member, microseconds: 1)
    /// Answers of the last `apply`.
    private(set) var results = ApplyResults()
    private let machine: StateMachine
    private var flusher: Flusher
    private let directory: TemporaryDirectory
    private var index: UInt64 = 0

    /// With the sample keys 0 ..< `keys`, each written once, in order, and flushed.
    init(keys: Int) throws {
        directory = try TemporaryDirectory(on: .memory)
        keyspace = try Keyspace(environment: Environment(path: directory.path + "/db"))
        flusher = Flusher(keyspace)
        machine = StateMachine(
            keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms, auth: auth,
            boot: boot,
            state: StoredState())
        for number in 0..<keys {
            var write = keyspace.beginWrite()
            write.put(key: Sample.key(number), value: Sample.value, lease: 0)
            write.commit()
        }
        try settle()
    }

    /// Applies the entries, which get the next places of the log.
    func apply(_ entries: inout [Entry]) throws(MVCCError) {
        for place in entries.indices {
            index += 1
            entries[place].id = EntryID(term: Term(2), index: LogIndex(index))
        }
        results.removeAll()
        try machine.apply(entries, at: .zero, into: &results)
    }

    /// Makes everything durable and forgets all history.
    func settle() throws {
        if keyspace.currentRevision > max(1, keyspace.compactedRevision) {
            try keyspace.compact(at: keyspace.currentRevision)
        }
        keyspace.handOver([], position: index)
        while try flusher.flush().hasMore {}
    }

    /// Deletes the sample keys from `first` on, then settles.
    func settle(deletingFrom first: Int) throws {
        var write = keyspace.beginWrite()
        _ = try write.delete(KeyRange(key: Sample.key(first), rangeEnd: Sample.prefixEnd))
        write.commit()
        try settle()
    }
}
