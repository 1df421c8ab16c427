import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

@Suite struct LeaseTests {
    typealias Failure = TestMember.Failure

    private func grant(_ member: TestMember, id: Int64 = 0, ttl: Int64) throws -> LeaseGrantResponse {
        try member.call(
            .leaseGrant,
            LeaseGrantRequest.with {
                $0.id = id
                $0.ttl = ttl
            })
    }

    @Test func `a grant picks a positive id and raises a small TTL`() throws {
        let member = try TestMember()
        let response = try grant(member, ttl: 1)
        #expect(response.id > 0)
        #expect(response.ttl == 2)
        #expect(response.header.revision == 1)
    }

    @Test func `ids in use, endless TTLs and unknown leases are refused`() throws {
        let member = try TestMember()
        _ = try grant(member, id: 7, ttl: 10)
        #expect(throws: Failure(code: 9, text: "etcdserver: lease already exists")) {
            _ = try grant(member, id: 7, ttl: 10)
        }
        #expect(throws: Failure(code: 11, text: "etcdserver: too large lease TTL")) {
            _ = try grant(member, ttl: 9_000_000_001)
        }
        #expect(throws: Failure(code: 5, text: "etcdserver: requested lease not found")) {
            let _: LeaseRevokeResponse = try member.call(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 8 })
        }
    }

    @Test func `keep-alives are answered in order, unknown leases with TTL 0`() throws {
        let member = try TestMember()
        _ = try grant(member, id: 7, ttl: 10)
        let stream = member.open(.leaseKeepAlive)
        for id: Int64 in [7, 99, 7] { try member.send(stream, LeaseKeepAliveRequest.with { $0.id = id }) }
        let answers = try member.responses(stream, LeaseKeepAliveResponse.self)
        #expect(answers.map(\.id) == [7, 99, 7])
        #expect(answers.map(\.ttl) == [10, 0, 10])
        #expect(answers.allSatisfy { $0.header.revision == 1 })
        member.halfClose(stream)
        #expect(member.status(stream)?.code == 0)
    }

    @Test func `a lease past its expiry is answered with TTL 0 after its revoke, and its keys go`() throws {
        let member = try TestMember()
        _ = try grant(member, id: 7, ttl: 2)
        try member.put("k", "v", lease: 7)
        member.isStalled = true
        member.advance(.seconds(3))
        let stream = member.open(.leaseKeepAlive)
        try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 7 })
        try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 99 })
        #expect(try member.responses(stream, LeaseKeepAliveResponse.self).isEmpty)
        member.isStalled = false
        member.advance(.milliseconds(100))
        let answers = try member.responses(stream, LeaseKeepAliveResponse.self)
        #expect(answers.map(\.id) == [7, 99])
        #expect(answers.map(\.ttl) == [0, 0])
        #expect(try member.get("k").kvs.isEmpty)
    }

    @Test func `a key outlives its lease by no more than two ticks`() throws {
        let member = try TestMember()
        member.advance(.milliseconds(250))
        _ = try grant(member, id: 7, ttl: 2)
        try member.put("k", "v", lease: 7)
        member.advance(.milliseconds(1990))
        #expect(try member.get("k").kvs.count == 1)
        member.advance(.milliseconds(210))
        #expect(try member.get("k").kvs.isEmpty)
    }

    @Test func `a lease that is kept alive does not expire`() throws {
        let member = try TestMember()
        _ = try grant(member, id: 7, ttl: 2)
        try member.put("k", "v", lease: 7)
        let stream = member.open(.leaseKeepAlive)
        for _ in 0..<5 {
            member.advance(.seconds(1))
            try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 7 })
        }
        #expect(try member.get("k").kvs.count == 1)
        member.advance(.seconds(3))
        #expect(try member.get("k").kvs.isEmpty)
    }

    @Test func `time to live tells the rest, the grant and the keys`() throws {
        let member = try TestMember()
        _ = try grant(member, id: 7, ttl: 10)
        try member.put("k", "v", lease: 7)
        member.advance(.milliseconds(1500))
        let lease: LeaseTimeToLiveResponse = try member.call(
            .leaseTimeToLive,
            LeaseTimeToLiveRequest.with {
                $0.id = 7
                $0.keys = true
            })
        #expect(lease.ttl == 8)
        #expect(lease.grantedTtl == 10)
        #expect(lease.keys.map(text) == ["k"])
        let unknown: LeaseTimeToLiveResponse = try member.call(
            .leaseTimeToLive, LeaseTimeToLiveRequest.with { $0.id = 8 })
        #expect(unknown.id == 8)
        #expect(unknown.ttl == -1)
        #expect(unknown.grantedTtl == 0)
        let all: LeaseLeasesResponse = try member.call(.leaseLeases, LeaseLeasesRequest())
        #expect(all.leases.map(\.id) == [7])
    }
}
