import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

@Suite struct ConcurrencyTests {
    typealias Failure = TestMember.Failure

    private func grant(_ member: TestMember, _ ids: Int64...) throws {
        for id in ids {
            let _: LeaseGrantResponse = try member.call(
                .leaseGrant,
                LeaseGrantRequest.with {
                    $0.id = id
                    $0.ttl = 100
                })
        }
    }

    private func lock(_ member: TestMember, lease: Int64) throws -> UInt32 {
        let stream = member.open(.lock)
        let request = LockRequest.with {
            $0.name = data("mutex")
            $0.lease = lease
        }
        try member.send(stream, request, end: true)
        return stream
    }

    @Test func `a lock goes round in the order of arrival`() throws {
        let member = try TestMember()
        try grant(member, 0x1a, 0x2b, 0x3c)
        let first = try lock(member, lease: 0x1a)
        let second = try lock(member, lease: 0x2b)
        let third = try lock(member, lease: 0x3c)
        let key = try #require(try member.responses(first, LockResponse.self).first?.key)
        #expect(text(key) == "mutex/1a")
        #expect(member.status(second) == nil)
        let _: UnlockResponse = try member.call(.unlock, UnlockRequest.with { $0.key = key })
        let answer = try #require(try member.responses(second, LockResponse.self).first)
        #expect(text(answer.key) == "mutex/2b")
        #expect(answer.header.revision == 5)
        #expect(member.status(third) == nil)
    }

    @Test func `a cancelled lock leaves the queue, and the next does not wait for it`() throws {
        let member = try TestMember()
        try grant(member, 1, 2, 3)
        let first = try lock(member, lease: 1)
        let second = try lock(member, lease: 2)
        let third = try lock(member, lease: 3)
        member.reset(second)
        #expect(try member.get("mutex/2").kvs.isEmpty)
        let _: UnlockResponse = try member.call(.unlock, UnlockRequest.with { $0.key = data("mutex/1") })
        #expect(member.status(first)?.code == 0)
        #expect(member.status(third)?.code == 0)
        #expect(member.services.concurrencyCalls.open.isEmpty)
        #expect(member.watcherCount == 0)
    }

    @Test func `a lock whose session expired while it waited says so`() throws {
        let member = try TestMember()
        try grant(member, 1, 2)
        _ = try lock(member, lease: 1)
        let second = try lock(member, lease: 2)
        let _: LeaseRevokeResponse = try member.call(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 2 })
        let _: UnlockResponse = try member.call(.unlock, UnlockRequest.with { $0.key = data("mutex/1") })
        #expect(member.status(second) == Failure(code: 2, text: "mutex: session is expired"))
    }

    @Test func `errors of the inner client lose their code`() throws {
        let member = try TestMember()
        let stream = try lock(member, lease: 404)
        #expect(
            member.status(stream) == Failure(code: 2, text: "etcdserver: requested lease not found"))
    }

    @Test func `a lock without a lease gets one of a minute`() throws {
        let member = try TestMember()
        let stream = try lock(member, lease: 0)
        #expect(member.status(stream)?.code == 0)
        let all: LeaseLeasesResponse = try member.call(.leaseLeases, LeaseLeasesRequest())
        let id = try #require(all.leases.first?.id)
        let lease: LeaseTimeToLiveResponse = try member.call(
            .leaseTimeToLive, LeaseTimeToLiveRequest.with { $0.id = id })
        #expect(lease.grantedTtl == 60)
    }

    @Test func `an election is won, proclaimed, observed and resigned`() throws {
        let member = try TestMember()
        try grant(member, 1, 2)
        let observer = member.open(.observe)
        try member.send(observer, LeaderRequest.with { $0.name = data("e") }, end: true)
        func campaign(_ lease: Int64, _ value: String) throws -> UInt32 {
            let stream = member.open(.campaign)
            let request = CampaignRequest.with {
                $0.name = data("e")
                $0.lease = lease
                $0.value = data(value)
            }
            try member.send(stream, request, end: true)
            return stream
        }
        #expect(throws: Failure(code: 2, text: "election: no leader")) {
            let _: LeaderResponse = try member.call(.leader, LeaderRequest.with { $0.name = data("e") })
        }
        let first = try campaign(1, "one")
        let second = try campaign(2, "two")
        let leader = try #require(try member.responses(first, CampaignResponse.self).first?.leader)
        #expect(text(leader.key) == "e/1")
        #expect(leader.lease == 1)
        #expect(leader.rev == 2)
        #expect(member.status(second) == nil)
        let proclaim = ProclaimRequest.with {
            $0.leader = leader
            $0.value = data("uno")
        }
        let _: ProclaimResponse = try member.call(.proclaim, proclaim)
        let _: ResignResponse = try member.call(.resign, ResignRequest.with { $0.leader = leader })
        #expect(member.status(second)?.code == 0)
        #expect(throws: Failure(code: 2, text: "election: not leader")) {
            let _: ProclaimResponse = try member.call(.proclaim, proclaim)
        }
        #expect(throws: Failure(code: 2, text: "\"leader\" field must be provided")) {
            let _: ResignResponse = try member.call(.resign, ResignRequest())
        }
        let seen = try member.responses(observer, LeaderResponse.self)
        #expect(seen.map { text($0.kv.value) } == ["one", "uno", "two"])
        #expect(member.status(observer) == nil)
    }

    @Test func `an observer that does not read is ended, and holds back nobody`() throws {
        let member = try TestMember(window: 1024)
        try grant(member, 1)
        let observer = member.open(.observe)
        try member.send(observer, LeaderRequest.with { $0.name = data("e") }, end: true)
        let election = member.open(.campaign)
        let request = CampaignRequest.with {
            $0.name = data("e")
            $0.lease = 1
        }
        try member.send(election, request, end: true)
        let leader = try #require(try member.responses(election, CampaignResponse.self).first?.leader)
        let proclaim = ProclaimRequest.with {
            $0.leader = leader
            $0.value = data(String(repeating: "v", count: 1 << 20))
        }
        // It may have 8 MiB waiting.
        for _ in 0..<8 { let _: ProclaimResponse = try member.call(.proclaim, proclaim) }
        #expect(member.services.concurrencyCalls.open.count == 1)
        for _ in 0..<2 { let _: ProclaimResponse = try member.call(.proclaim, proclaim) }
        #expect(member.services.concurrencyCalls.open.isEmpty)
    }
}
