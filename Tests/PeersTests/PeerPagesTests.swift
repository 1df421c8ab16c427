import HTTP
import Raft
import Store
import Testing

@testable import Peers

@Suite struct PeerPagesTests {
    private func pages() -> PeerPages {
        PeerPages(membership: Membership(localID: MemberID(1), clusterID: 0xab), version: "3.5.33")
    }

    @Test func `members answers a JSON array ended by a line feed, under the cluster's id`() {
        let answer = pages().answer(method: "GET", path: "/members")
        #expect(answer.status == 200)
        #expect(answer.body == Array("[]\n".utf8))
        #expect(answer.headers.contains(WebHeader("X-Etcd-Cluster-Id", "ab")))
    }

    @Test func `version tells this server's version, and not_decided before the cluster has one`() {
        let answer = pages().answer(method: "GET", path: "/version")
        #expect(answer.body == Array(#"{"etcdserver":"3.5.33","etcdcluster":"not_decided"}"#.utf8))
    }

    @Test func `other methods are refused and other pages are not found`() {
        #expect(pages().answer(method: "POST", path: "/members").status == 405)
        #expect(pages().answer(method: "GET", path: "/health").status == 404)
    }
}
