import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

@Suite struct ClusterTests {
    typealias Failure = TestMember.Failure

    @Test func `the member list has no revision in its header`() throws {
        let member = try TestMember()
        let list: MemberListResponse = try member.call(
            .memberList, MemberListRequest.with { $0.linearizable = true })
        #expect(list.header.revision == 0)
        #expect(list.header.raftTerm == 2)
        #expect(list.members.map(\.id) == [TestMember.rawID])
        #expect(list.members[0].name == "default")
        #expect(list.members[0].clientUrls == ["http://127.0.0.1:2379"])
    }

    @Test(arguments: [[], ["foo"], ["http://127.0.0.1"], ["http://127.0.0.1:2380/path"], ["ftp://a:1"]])
    func `members are not added under URLs that are none`(urls: [String]) throws {
        let member = try TestMember()
        #expect(throws: Failure(code: 3, text: "etcdserver: given member URLs are invalid")) {
            let _: MemberAddResponse = try member.call(
                .memberAdd, MemberAddRequest.with { $0.peerUrls = urls })
        }
    }

    @Test func `a learner is added, not promoted while it is behind, updated and removed`() throws {
        let member = try TestMember()
        let add = MemberAddRequest.with {
            $0.peerUrls = ["http://127.0.0.1:9380"]
            $0.isLearner = true
        }
        let added: MemberAddResponse = try member.call(.memberAdd, add)
        #expect(added.member.isLearner)
        #expect(added.members.count == 2)
        let id = added.member.id
        #expect(
            throws: Failure(
                code: 9,
                text: "etcdserver: can only promote a learner member which is in sync with leader")
        ) {
            let _: MemberPromoteResponse = try member.call(
                .memberPromote, MemberPromoteRequest.with { $0.id = id })
        }
        let update = MemberUpdateRequest.with {
            $0.id = id
            $0.peerUrls = ["junk"]
        }
        let updated: MemberUpdateResponse = try member.call(.memberUpdate, update)
        #expect(updated.members.first { $0.id == id }?.peerUrls == ["junk"])
        let removed: MemberRemoveResponse = try member.call(
            .memberRemove, MemberRemoveRequest.with { $0.id = id })
        #expect(removed.members.map(\.id) == [TestMember.rawID])
    }

    @Test func `what a sole member cannot do is refused`() throws {
        let member = try TestMember()
        #expect(throws: Failure(code: 5, text: "etcdserver: member not found")) {
            let _: MemberRemoveResponse = try member.call(
                .memberRemove, MemberRemoveRequest.with { $0.id = 12345 })
        }
        #expect(throws: Failure(code: 5, text: "etcdserver: member not found")) {
            let _: MemberPromoteResponse = try member.call(
                .memberPromote, MemberPromoteRequest.with { $0.id = 12345 })
        }
        #expect(throws: Failure(code: 9, text: "etcdserver: can only promote a learner member")) {
            let _: MemberPromoteResponse = try member.call(
                .memberPromote, MemberPromoteRequest.with { $0.id = TestMember.rawID })
        }
        #expect(
            throws: Failure(
                code: 2, text: "etcdserver: re-configuration failed due to not enough started members")
        ) {
            let _: MemberRemoveResponse = try member.call(
                .memberRemove, MemberRemoveRequest.with { $0.id = TestMember.rawID })
        }
    }

    @Test func `authentication is off and nobody is known`() throws {
        let member = try TestMember()
        let status: AuthStatusResponse = try member.call(.authStatus, AuthStatusRequest())
        #expect(!status.enabled)
        #expect(status.authRevision == 1)
        #expect(status.header.revision == 1)
        #expect(throws: Failure(code: 9, text: "etcdserver: authentication is not enabled")) {
            let _: AuthenticateResponse = try member.call(
                .authenticate, AuthenticateRequest.with { $0.name = "root" })
        }
        #expect(throws: Failure(code: 9, text: "etcdserver: root user does not exist")) {
            let _: AuthEnableResponse = try member.call(.authEnable, AuthEnableRequest())
        }
        let users: AuthUserListResponse = try member.call(.userList, AuthUserListRequest())
        #expect(users.users.isEmpty)
        #expect(throws: Failure(code: 9, text: "etcdserver: user name not found")) {
            let _: AuthUserGetResponse = try member.call(.userGet, AuthUserGetRequest.with { $0.name = "u" })
        }
    }
}
