import EtcdAPI
import FoundationEssentials
import MVCC
import Raft
@testable import Store
import SwiftProtobuf
import Testing
import Wire

/// Requests are read as the generated messages read them, and nothing that comes over the wire traps.
@Suite struct DecodingTests {
    @Test func `a range is read field by field`() throws {
        let request = RangeRequest.with {
            $0.key = .init(bytes("a"))
            $0.rangeEnd = .init(bytes("b"))
            $0.limit = -3
            $0.revision = 1 << 40
            $0.sortOrder = .descend
            $0.sortTarget = .value
            $0.serializable = true
            $0.keysOnly = true
            $0.countOnly = true
            $0.minModRevision = 1
            $0.maxModRevision = 2
            $0.minCreateRevision = 3
            $0.maxCreateRevision = 4
        }
        let encoded: [UInt8] = try request.serializedBytes()
        let query = try unsafe RangeQuery(decoding: encoded.span.bytes)
        #expect(query.key == bytes("a") && query.rangeEnd == bytes("b"))
        #expect(query.limit == -3 && query.revision == 1 << 40)
        #expect(query.sortOrder == .descend && query.sortTarget == .value)
        #expect(query.serializable && query.keysOnly && query.countOnly && query.isFiltered)
        #expect([query.minModRevision, query.maxModRevision] == [1, 2])
        #expect([query.minCreateRevision, query.maxCreateRevision] == [3, 4])
    }

    @Test func `a put is read in place`() throws {
        let request = PutRequest.with {
            $0.key = .init(bytes("key"))
            $0.value = .init(bytes("value"))
            $0.lease = -9
            $0.prevKv = true
            $0.ignoreValue = true
            $0.ignoreLease = true
        }
        let encoded: [UInt8] = try request.serializedBytes()
        let command = try unsafe PutCommand(decoding: encoded.span.bytes)
        #expect(
            Array(encoded[command.key]) == bytes("key") && Array(encoded[command.value]) == bytes("value"))
        #expect(command.lease == -9 && command.wantsPrevious && command.ignoreValue && command.ignoreLease)
        #expect(throws: StoreError.valueProvided) { try command.validate() }
        #expect(command.quotaCost == 264)
    }

    @Test func `mutated entries never trap, and change every machine alike`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(state: seed)
        let first = try Machine()
        let second = try Machine()
        var templates: [[UInt8]] = []
        for request in [
            txn(
                [
                    compare("a", to: "c", .value, .greater, .value(.init(bytes("x")))),
                    compare("a", .lease, .equal, .lease(3)),
                ],
                then: [put("a"), get("a", "z", revision: 2), nested(then: [del("b", "d")])],
                else: [put("a", lease: 1)]),
            txn(then: [put("b"), del("c", "\0")]),
        ] { templates.append(try first.request(.txn, request).data) }
        templates.append(
            try first.request(
                .put,
                PutRequest.with {
                    $0.key = .init(bytes("a")); $0.prevKv = true
                }
            ).data)
        templates.append(
            try first.request(
                .deleteRange,
                DeleteRangeRequest.with {
                    $0.key = .init(bytes("a")); $0.rangeEnd = .init([0])
                }
            ).data)
        templates.append(
            try first.request(
                .leaseGrant,
                LeaseGrantRequest.with {
                    $0.id = 1; $0.ttl = 5
                }
            ).data)
        templates.append(try first.request(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 1 }).data)
        templates.append(try first.request(.compaction, CompactionRequest.with { $0.revision = 3 }).data)
        templates.append(
            try first.request(
                .alarm,
                AlarmRequest.with {
                    $0.action = .deactivate; $0.memberID = 1; $0.alarm = .nospace
                }
            ).data)
        let member = ClusterMember(id: MemberID(7), peerURLs: ["http://a"])
        for step in 0..<3000 {
            let isChange = random.next() % 10 == 0
            var data = templates[Int(random.next() % UInt64(templates.count))]
            if isChange {
                data = [0x18, 7]
                data.appendField(4, always: MembershipChange.add(member).context)
            }
            for _ in 0..<Int(random.next() % 4) {
                data[Int(random.next() % UInt64(data.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 8 == 0 { data.removeLast(Int(random.next() % UInt64(data.count))) }
            let entry = first.entry(data, kind: isChange ? .configurationChange : .normal)
            try first.apply([entry])
            try second.apply([entry])
            #expect(first.revision == second.revision, "seed \(seed), step \(step)")
        }
        #expect(
            try first.keyspace.hashKV(revision: 0).hash == second.keyspace.hashKV(revision: 0).hash,
            "seed \(seed)")
        #expect(first.membership.members == second.membership.members)
        #expect(first.alarms.list() == second.alarms.list())
        #expect(first.lessor.leases() == second.lessor.leases())
    }
}
