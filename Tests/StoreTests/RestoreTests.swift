import Backend
import EtcdAPI
import MVCC
import Raft
@testable import Store
import SwiftProtobuf
import Testing

@Suite struct RestoreTests {
    /// The state that `leader` has flushed, ready for `follower`.
    private func received(from leader: Machine, for follower: Machine) throws -> ReceivedState {
        try leader.flush()
        let transaction = try leader.environment.read()
        let metadata = try #require(try StoredState.position(in: transaction))
        var load = try BulkLoad(replacing: follower.environment.path)
        for bucket in Bucket.allCases {
            var records: [(key: [UInt8], value: [UInt8])] = []
            try transaction.forEach(bucket) { key, value in
                records.append((key.copied(0..<key.byteCount), value.copied(0..<value.byteCount)))
                return true
            }
            for record in records { try load.add(bucket, key: record.key, value: record.value) }
        }
        return try ReceivedState.read(load, metadata: metadata, beside: follower.environment)
    }

    private func raise(_ kind: AlarmType, on machine: Machine) throws {
        try machine.perform(
            .alarm,
            AlarmRequest.with {
                $0.action = .activate; $0.memberID = 5; $0.alarm = kind
            })
    }

    /// A leader whose entries `count` and on the follower lacks.
    private func pair() throws -> (leader: Machine, follower: Machine) {
        let (leader, follower) = (try Machine(), try Machine())
        for machine in [leader, follower] {
            try machine.grant(1, ttl: 60)
            try machine.grant(2, ttl: 60)
            try machine.put("old", "1", lease: 1)
        }
        try raise(.nospace, on: follower)
        follower.index = leader.index
        return (leader, follower)
    }

    @Test func `keys, leases, members, versions and alarms are those of the snapshot`() throws {
        let (leader, follower) = try pair()
        try leader.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 1 })
        try leader.grant(3, ttl: 100)
        try leader.put("a", "1", lease: 3)
        try leader.put("b", "2", lease: 2)
        try leader.perform(.clusterVersionSet, MembershipClusterVersionSetRequest.with { $0.ver = "3.5.0" })
        try raise(.corrupt, on: leader)
        try follower.machine.restore(received(from: leader, for: follower))
        #expect(follower.machine.consistentIndex == leader.machine.consistentIndex)
        #expect(follower.machine.consistentTerm == Term(2))
        #expect(follower.revision == leader.revision)
        #expect(try follower.value("old") == nil)
        #expect(try follower.value("a") == "1" && follower.value("b") == "2")
        #expect(follower.lessor.leases() == [2, 3])
        #expect(follower.lessor.keys(of: 3) == [bytes("a")])
        #expect(follower.lessor.keys(of: 2) == [bytes("b")])
        #expect(follower.alarms.list() == [AlarmRecord(member: MemberID(5), kind: .corrupt)])
        #expect(follower.membership.clusterVersion?.text == "3.5.0")
        #expect(follower.membership.members == leader.membership.members)
    }

    @Test func `users and roles are those of the snapshot, and tokens are forgotten`() throws {
        let (leader, follower) = try pair()
        try follower.addUser("gone")
        try follower.enableWithRoot()
        let login = InternalAuthenticateRequest.with {
            $0.name = "root"; $0.simpleToken = "letters"
        }
        guard case .auth(.token(_, _, let token)) = try follower.perform(.authenticate, login) else {
            Issue.record("no token")
            return
        }
        try leader.addUser("u")
        try leader.addRole("r")
        try leader.enableWithRoot()
        while leader.index <= follower.index { try leader.put("k", "v") }
        try follower.machine.restore(received(from: leader, for: follower))
        #expect(follower.auth.isEnabled && follower.auth.revision == leader.auth.revision)
        #expect(follower.auth.read(\.userNames) == [bytes("root"), bytes("u")])
        #expect(follower.auth.read(\.roleNames) == [bytes("r")])
        #expect(throws: StoreError.invalidAuthToken) { try follower.auth.identity(token: token, at: .zero) }
    }

    @Test func `entries go on behind it, and are durable with it`() throws {
        let (leader, follower) = try pair()
        for number in 1...20 { try leader.put("k", "\(number)") }
        try follower.machine.restore(received(from: leader, for: follower))
        follower.index = leader.index
        // What the snapshot holds comes again: without effect.
        try follower.apply([leader.log[leader.log.count - 1]])
        #expect(follower.revision == leader.revision)
        for machine in [leader, follower] {
            try machine.put("k", "last")
            try machine.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 1 })
            try machine.compact(10)
            try machine.flush()
        }
        #expect(try follower.keyspace.hash() == leader.keyspace.hash())
        let reloaded = try StoredState.load(from: follower.environment)
        #expect(reloaded.consistentIndex == follower.machine.consistentIndex)
        #expect(reloaded.leases.map(\.id) == [2])
    }

    @Test func `a file that stands for another entry is refused and leaves no trace`() throws {
        let (leader, follower) = try pair()
        try leader.flush()
        let metadata = SnapshotMetadata(
            id: EntryID(term: Term(2), index: LogIndex(9)), configuration: ConfigurationState())
        let zero = EntryID(term: Term(0), index: LogIndex(0))
        #expect(throws: StoredState.LoadError.position(zero)) {
            let load = try BulkLoad(replacing: follower.environment.path)
            _ = try ReceivedState.read(load, metadata: metadata, beside: follower.environment)
        }
        #expect(try follower.value("old") == "1")
    }
}
