import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

@Suite struct CallTests {
    typealias Failure = TestMember.Failure

    @Test func `unknown methods and services are named in etcd's words`() throws {
        let member = try TestMember()
        let method = member.open("/etcdserverpb.KV/NoSuch")
        let service = member.open("/nobody.Here/Range")
        member.run()
        #expect(
            member.status(method)
                == Failure(code: 12, text: "unknown method NoSuch for service etcdserverpb.KV"))
        #expect(member.status(service) == Failure(code: 12, text: "unknown service nobody.Here"))
    }

    @Test func `every method is found under its wire name`() {
        #expect(Services.Method.put.path == "/etcdserverpb.KV/Put")
        #expect(Services.Method.hashKV.path == "/etcdserverpb.Maintenance/HashKV")
        #expect(Services.Method.userChangePassword.path == "/etcdserverpb.Auth/UserChangePassword")
        #expect(Services.Method.leaseTimeToLive.path == "/etcdserverpb.Lease/LeaseTimeToLive")
        #expect(Services.Method.campaign.path == "/v3electionpb.Election/Campaign")
        #expect(Services.Method.healthCheck.path == "/grpc.health.v1.Health/Check")
        #expect(Set(LoopServices.paths).count == Services.Method.allCases.count)
    }

    @Test func `a request that is no protobuf is an internal error`() throws {
        let member = try TestMember()
        let stream = member.open(.put)
        member.send(stream, bytes: [0x0a, 0xff], end: true)
        #expect(member.status(stream)?.code == 13)
    }

    @Test func `a call without a request ends with EOF`() throws {
        let member = try TestMember()
        let stream = member.open(.range)
        member.halfClose(stream)
        #expect(member.status(stream) == Failure(code: 2, text: "EOF"))
    }

    @Test func `a proposal that is not answered times out after five seconds and two elections`() throws {
        let member = try TestMember()
        member.isStalled = true
        let stream = member.open(.put)
        try member.send(stream, PutRequest.with { $0.key = data("a") }, end: true)
        member.advance(.milliseconds(6900))
        #expect(member.status(stream) == nil)
        member.advance(.milliseconds(200))
        #expect(member.status(stream) == Failure(code: 14, text: "etcdserver: request timed out"))
        // The late answer finds nobody.
        member.isStalled = false
        member.run()
        #expect(try member.get("a").kvs.count == 1)
    }

    @Test func `a read without a read point is asked for again and times out at last`() throws {
        let member = try TestMember()
        member.isStalled = true
        let stream = member.open(.range)
        try member.send(stream, RangeRequest.with { $0.key = data("a") }, end: true)
        member.advance(.milliseconds(1200))
        #expect(member.askedReads == 3)
        member.advance(.seconds(6))
        #expect(member.status(stream) == Failure(code: 14, text: "etcdserver: request timed out"))
    }

    @Test func `serializable reads do not wait for a read point`() throws {
        let member = try TestMember()
        try member.put("a", "1")
        member.isStalled = true
        let stream = member.open(.range)
        let request = RangeRequest.with {
            $0.key = data("a")
            $0.serializable = true
        }
        try member.send(stream, request, end: true)
        #expect(member.status(stream)?.code == 0)
        #expect(member.askedReads == 0)
    }

    @Test func `the reads of one pass share one read point`() throws {
        let member = try TestMember()
        let before = member.askedReads
        let bytes = try RangeRequest.with { $0.key = data("a") }.serializedBytes() as [UInt8]
        let streams = member.sendTogether(.range, [bytes, bytes, bytes])
        #expect(streams.allSatisfy { member.status($0)?.code == 0 })
        #expect(member.askedReads == before + 1)
    }

    @Test func `a cancelled call is counted and its answer goes nowhere`() throws {
        let member = try TestMember()
        member.isStalled = true
        let stream = member.open(.put)
        try member.send(stream, PutRequest.with { $0.key = data("a") }, end: true)
        member.reset(stream)
        member.isStalled = false
        member.run()
        member.advance(.seconds(2))
        let counts = try #require(member.metrics.methods().first { $0.method == .put })
        #expect(counts.started == 1)
        #expect(counts.handledByCode[1] == 1)
        #expect(counts.handledByCode[0] == 0)
    }

    @Test func `calls are counted by method, code and client version`() throws {
        let member = try TestMember()
        try member.put("a", "1")
        _ = try? member.put("", "1")
        let stream = member.open(.range, [("client-api-version", "3.5")])
        try member.send(stream, RangeRequest.with { $0.key = data("a") }, end: true)
        member.advance(.seconds(2))
        let puts = try #require(member.metrics.methods().first { $0.method == .put })
        #expect(puts.started == 2)
        #expect(puts.handledByCode[0] == 1)
        #expect(puts.handledByCode[3] == 1)
        #expect(puts.received == 2)
        #expect(puts.sent == 1)
        #expect(member.metrics.totals().unaryByVersion == ["unknown": 2, "3.5": 1])
    }

    @Test func `a call that requires a leader is refused without one`() throws {
        let member = try TestMember()
        member.setLeader(nil)
        let stream = member.open(.range, [("hasleader", "true")])
        member.run()
        #expect(member.status(stream) == Failure(code: 14, text: "etcdserver: no leader"))
    }

    @Test func `dropped proposals and too many of them are told apart`() throws {
        let member = try TestMember()
        member.isStalled = true
        let streams = try (0..<2).map { _ in
            let stream = member.open(.put)
            try member.send(stream, PutRequest.with { $0.key = data("a") }, end: true)
            return stream
        }
        member.dropProposals([.dropped, .tooManyRequests])
        #expect(member.status(streams[0]) == Failure(code: 2, text: "raft proposal dropped"))
        #expect(member.status(streams[1]) == Failure(code: 2, text: "etcdserver: too many requests"))
    }

    @Test func `draining refuses new calls and lets those in flight finish`() throws {
        let member = try TestMember()
        member.isStalled = true
        let waiting = member.open(.put)
        try member.send(waiting, PutRequest.with { $0.key = data("a") }, end: true)
        member.services.drain()
        #expect(!member.services.isDrained)
        #expect(throws: Failure(code: 14, text: "etcdserver: server stopped")) { try member.put("b", "1") }
        member.isStalled = false
        member.run()
        #expect(member.status(waiting)?.code == 0)
        #expect(member.services.isDrained)
    }

    @Test func `shutdown ends what cannot finish`() throws {
        let member = try TestMember()
        member.isStalled = true
        let put = member.open(.put)
        try member.send(put, PutRequest.with { $0.key = data("a") }, end: true)
        let watch = member.open(.watch)
        try member.send(watch, WatchRequest.with { $0.createRequest = .with { $0.key = data("a") } })
        member.services.shutdown()
        member.run()
        for stream in [put, watch] {
            #expect(member.status(stream) == Failure(code: 14, text: "etcdserver: server stopped"))
        }
    }

    @Test func `health serves the empty service only`() throws {
        let member = try TestMember()
        let answer: HealthCheckResponse = try member.call(.healthCheck, HealthCheckRequest())
        #expect(answer.status == .serving)
        #expect(throws: Failure(code: 5, text: "unknown service")) {
            let _: HealthCheckResponse = try member.call(
                .healthCheck, HealthCheckRequest.with { $0.service = "foo" })
        }
        let stream = member.open(.healthWatch)
        try member.send(stream, HealthCheckRequest.with { $0.service = "foo" }, end: true)
        #expect(try member.responses(stream, HealthCheckResponse.self).map(\.status) == [.serviceUnknown])
        #expect(member.status(stream) == nil)
        #expect(member.services.streams.healthWatches.count == 1)
        member.reset(stream)
        #expect(member.services.streams.healthWatches.isEmpty)
    }
}
