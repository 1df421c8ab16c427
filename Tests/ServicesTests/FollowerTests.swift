import EtcdAPI
import Net
import Raft
import Store
import SwiftProtobuf
import Synchronization
import Testing

@testable import Services

/// What a member answers that does not lead: it has the leader do it.
@Suite struct FollowerTests {
    typealias Failure = TestMember.Failure
    static let leader = MemberID(77)

    private func follower() throws -> TestMember {
        let member = try TestMember()
        member.setLeader(Self.leader)
        member.lessor.demote()
        return member
    }

    @Test func `a renewal goes to the leader, one after the other, and its answers keep their order`() throws
    {
        let member = try follower()
        let stream = member.open(.leaseKeepAlive)
        for id: Int64 in [7, 8] { try member.send(stream, LeaseKeepAliveRequest.with { $0.id = id }) }
        let first = try #require(member.engine.take(\.asked).first)
        #expect(first.request == .keepAlive(lease: 7))
        #expect(member.engine.take(\.asked).isEmpty)
        member.services.leaderAnswered(first.id, .renewed(ttl: 10))
        let second = try #require(member.engine.take(\.asked).first)
        #expect(second.request == .keepAlive(lease: 8))
        member.services.leaderAnswered(second.id, .failed(.leaseNotFound))
        member.run()
        let answers = try member.responses(stream, LeaseKeepAliveResponse.self)
        #expect(answers.map(\.id) == [7, 8])
        #expect(answers.map(\.ttl) == [10, 0])
    }

    @Test(arguments: [
        (LeaderAnswer.Failure.timedOut, 14, "etcdserver: request timed out"),
        (.applyTooSlow, 14, "etcdserver: request timed out, waiting for the applied index took too long"),
        (.other("not a primary lessor"), 2, "not a primary lessor"),
    ])
    func `a renewal that the leader does not answer ends the stream`(
        failure: LeaderAnswer.Failure, code: Int, text: String
    ) throws {
        let member = try follower()
        let stream = member.open(.leaseKeepAlive)
        try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 7 })
        let asked = try #require(member.engine.take(\.asked).first)
        member.services.leaderAnswered(asked.id, .failed(failure))
        member.run()
        #expect(member.status(stream) == Failure(code: code, text: text))
    }

    @Test func `an answer for a stream that is gone is dropped`() throws {
        let member = try follower()
        let stream = member.open(.leaseKeepAlive)
        try member.send(stream, LeaseKeepAliveRequest.with { $0.id = 7 })
        let asked = try #require(member.engine.take(\.asked).first)
        member.reset(stream)
        member.services.leaderAnswered(asked.id, .renewed(ttl: 10))
        member.services.leaderAnswered(asked.id, .renewed(ttl: 10))
        #expect(member.services.isDrained)
    }

    @Test func `the time a lease has left is the leader's to tell`() throws {
        let member = try follower()
        let stream = member.open(.leaseTimeToLive)
        try member.send(
            stream,
            LeaseTimeToLiveRequest.with {
                $0.id = 7
                $0.keys = true
            }, end: true)
        let asked = try #require(member.engine.take(\.asked).first)
        #expect(asked.request == .timeToLive(lease: 7, wantsKeys: true))
        let found = Lessor.TimeToLive(remaining: 5, granted: 10, keys: [[1]])
        member.services.leaderAnswered(asked.id, .timeToLive(found))
        member.run()
        let answer = try #require(try member.responses(stream, LeaseTimeToLiveResponse.self).first)
        #expect((answer.id, answer.ttl, answer.grantedTtl) == (7, 5, 10))
        #expect(answer.keys.map { Array($0) } == [[1]])
    }

    @Test func `an unknown lease has TTL -1, whoever leads`() throws {
        let member = try follower()
        let stream = member.open(.leaseTimeToLive)
        try member.send(stream, LeaseTimeToLiveRequest.with { $0.id = 7 }, end: true)
        let asked = try #require(member.engine.take(\.asked).first)
        member.services.leaderAnswered(asked.id, .failed(.leaseNotFound))
        member.run()
        let answer = try #require(try member.responses(stream, LeaseTimeToLiveResponse.self).first)
        #expect((answer.ttl, answer.grantedTtl) == (-1, 0))
    }

    @Test func `a promotion is made by the leader and answered with its members`() throws {
        let member = try follower()
        let stream = member.open(.memberPromote)
        try member.send(stream, MemberPromoteRequest.with { $0.id = 9 }, end: true)
        let asked = try #require(member.engine.take(\.asked).first)
        #expect(asked.request == .promote(MemberID(9)))
        let all = [ClusterMember(id: MemberID(9), peerURLs: ["http://a:1"])]
        member.services.leaderAnswered(asked.id, .members(all))
        member.run()
        let answer = try #require(try member.responses(stream, MemberPromoteResponse.self).first)
        #expect(answer.members.map(\.id) == [9])
    }

    @Test func `a follower revokes no lease, whatever its clock says`() throws {
        let member = try TestMember()
        let _: LeaseGrantResponse = try member.call(
            .leaseGrant,
            LeaseGrantRequest.with {
                $0.id = 7
                $0.ttl = 2
            })
        member.isStalled = true
        member.setLeader(Self.leader)
        member.advance(.seconds(10))
        #expect(member.engine.take(\.entries).isEmpty)
    }

    @Test func `shutting down ends what waits for the leader`() throws {
        let member = try follower()
        let stream = member.open(.leaseTimeToLive)
        try member.send(stream, LeaseTimeToLiveRequest.with { $0.id = 7 }, end: true)
        #expect(!member.services.isDrained)
        member.services.shutdown()
        member.run()
        #expect(member.status(stream) == Failure(code: 14, text: "etcdserver: server stopped"))
    }
}

/// Why a write got no answer in time (spec/raft.md 9).
@Suite struct TimeoutTests {
    private func statusOfStalledPut(_ change: (TestMember) -> Void) throws -> String? {
        let member = try TestMember()
        member.isStalled = true
        let stream = member.open(.put)
        try member.send(stream, PutRequest.with { $0.key = data("k") }, end: true)
        change(member)
        member.advance(.seconds(8))
        return member.status(stream)?.text
    }

    @Test func `a leader with its quorum says only that time is over`() throws {
        #expect(try statusOfStalledPut { _ in } == "etcdserver: request timed out")
    }

    @Test func `a leader that changed meanwhile is suspected`() throws {
        let text = try statusOfStalledPut { member in
            let elected = member.services.now + .milliseconds(1500)
            member.engine.state.withLock { $0.status.leaderSince = elected }
        }
        #expect(text == "etcdserver: request timed out, possibly due to previous leader failure")
    }

    @Test func `a leader that is not heard is suspected`() throws {
        let text = try statusOfStalledPut { $0.setLeader(FollowerTests.leader) }
        #expect(text == "etcdserver: request timed out, possibly due to connection lost")
    }

    @Test func `a leader that is heard is not`() throws {
        let text = try statusOfStalledPut { member in
            member.setLeader(FollowerTests.leader)
            let since = member.services.now + .seconds(-60)
            member.engine.state.withLock { $0.active[FollowerTests.leader] = since }
        }
        #expect(text == "etcdserver: request timed out")
    }
}
