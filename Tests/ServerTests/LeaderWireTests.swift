import HTTP
import Raft
import Services
import Store
import Testing

@testable import Server

/// The helper pages' bytes (spec/peer.md 7).
@Suite struct LeaderWireTests {
    @Test(arguments: [
        LeaderErrand.keepAlive(lease: 7), .keepAlive(lease: -1),
        .timeToLive(lease: 9, wantsKeys: true), .timeToLive(lease: 9, wantsKeys: false),
        .promote(MemberID(.max)),
    ])
    func `an errand arrives as it was sent`(errand: LeaderErrand) {
        let wire = LeaderWire.encode(errand)
        #expect(wire.method == "POST")
        #expect(LeaderWire.request(path: wire.path, body: wire.body) == errand)
    }

    @Test(arguments: [
        (LeaderErrand.keepAlive(lease: 7), LeaderAnswer.renewed(ttl: 10), 200),
        (.keepAlive(lease: 7), .failed(.leaseNotFound), 404),
        (.keepAlive(lease: 7), .failed(.applyTooSlow), 408),
        (
            .timeToLive(lease: 7, wantsKeys: true),
            .timeToLive(Lessor.TimeToLive(remaining: -3, granted: 10, keys: [[0, 1], []])), 200
        ),
        (.timeToLive(lease: 7, wantsKeys: true), .failed(.leaseNotFound), 404),
        (
            .promote(MemberID(3)),
            .members([ClusterMember(id: MemberID(3), peerURLs: ["http://a:1"], name: "a")]), 200
        ),
        (.promote(MemberID(3)), .failed(.memberNotFound), 404),
        (.promote(MemberID(3)), .failed(.memberNotLearner), 412),
        (.promote(MemberID(3)), .failed(.learnerNotReady), 412),
        (.promote(MemberID(3)), .failed(.other("raft proposal dropped")), 500),
    ])
    func `an answer arrives as it was sent`(errand: LeaderErrand, answer: LeaderAnswer, status: Int) {
        let response = LeaderWire.encode(answer, to: errand)
        #expect(response.status == status)
        #expect(LeaderWire.decode(response, to: errand) == answer)
    }

    @Test func `a member that leads no more is asked again`() {
        let response = LeaderWire.encode(
            .failed(.other("not a primary lessor")), to: .keepAlive(lease: 7))
        #expect(response.status == 400)
        #expect(LeaderWire.decode(response, to: .keepAlive(lease: 7)) == nil)
    }

    @Test func `what is no request is none`() {
        #expect(LeaderWire.request(path: "/leases", body: [0x0a]) == nil)
        #expect(LeaderWire.request(path: "/leases/internal", body: [0x0a, 0xff]) == nil)
        #expect(LeaderWire.request(path: "/members/promote/x", body: []) == nil)
    }

    @Test func `bytes are etcd's`() {
        #expect(LeaderWire.encode(.keepAlive(lease: 5)).body == [8, 5])
        #expect(LeaderWire.encode(.timeToLive(lease: 5, wantsKeys: true)).body == [10, 4, 8, 5, 16, 1])
        let answer = LeaderWire.encode(.renewed(ttl: 3), to: .keepAlive(lease: 5))
        #expect(answer.body == [16, 5, 24, 3])
    }

    @Test func `a hash comes and goes as JSON without zeroes`() {
        let hash = HashAnswer.Hash(revision: 9, hash: 7, compactRevision: -1, hashRevision: 8)
        let response = HashAnswer.hash(hash).response
        #expect(
            String(decoding: response.body, as: UTF8.self)
                == "{\"header\":{\"revision\":9},\"hash\":7,\"compact_revision\":-1,\"hash_revision\":8}")
        #expect(HashAnswer(response) == .hash(hash))
        let small = HashAnswer.Hash(revision: 1, hash: 0, compactRevision: 0, hashRevision: 0)
        #expect(
            String(decoding: HashAnswer.hash(small).response.body, as: UTF8.self)
                == "{\"header\":{\"revision\":1}}")
        #expect(HashAnswer(WebResponse(status: 404)) == nil)
        #expect(HashAnswer.revision(ofRequest: Array("{\"revision\":12}".utf8)) == 12)
        #expect(HashAnswer.revision(ofRequest: Array("[]".utf8)) == nil)
    }
}
