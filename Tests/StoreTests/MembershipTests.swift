import Raft
@testable import Store
import Testing
import Wire

@Suite struct MembershipTests {
    @Test(arguments: [
        ("http://127.0.0.1:13380", "tok-a", "2ca469edf1cfc7a5"),
        ("http://127.0.0.1:14380", "tok-b", "7b8fa647f3f8873c"),
        ("http://127.0.0.1:14480", "tok-b", "c67d8e91b51e3d51"),
        ("http://127.0.0.1:14580", "tok-b", "43d272ba5f3c4f30"),
        ("http://127.0.0.1:15380", "rt", "e8c953ff693482db"),
        ("http://localhost:2380", "etcd-cluster", "8e9e05c52164694d"),
    ])
    func `a member id is the hash of URLs and token`(_ url: String, _ token: String, _ id: String) {
        #expect(MemberID(peerURLs: [url], token: token).hex == id)
    }

    @Test(arguments: [
        (["2ca469edf1cfc7a5"], "3ef9ef4ada62bbf4"),
        (["7b8fa647f3f8873c", "c67d8e91b51e3d51", "43d272ba5f3c4f30"], "ee99e5b859898356"),
        (["e8c953ff693482db", "3d1a5cf92d33de6b"], "732172ab68eec018"),
        (["8e9e05c52164694d"], "cdf818194e3a8c32"),
    ])
    func `a cluster id is the hash of the member ids in ascending order`(_ ids: [String], _ cluster: String) {
        #expect(String(clusterID(of: ids.compactMap { MemberID(hex: $0) }), radix: 16) == cluster)
    }

    @Test func `the order of URLs does not matter, the time does`() {
        let urls = ["http://b:2380", "http://a:2380"]
        #expect(MemberID(peerURLs: urls, token: "t") == MemberID(peerURLs: urls.reversed(), token: "t"))
        #expect(MemberID(peerURLs: urls, addedAt: 5) == MemberID(peerURLs: urls, token: "5"))
        #expect(MemberID(peerURLs: urls, addedAt: 5) != MemberID(peerURLs: urls, addedAt: 6))
    }

    private let learner = ClusterMember(
        id: MemberID(11_034_736_226_739_252_402), peerURLs: ["http://127.0.0.1:14680"], isLearner: true)

    @Test func `contexts of changes are etcd's, to the byte`() {
        #expect(
            text(MembershipChange.add(learner).context)
                == #"{"id":11034736226739252402,"peerURLs":["http://127.0.0.1:14680"],"isLearner":true}"#)
        #expect(
            text(MembershipChange.promote(MemberID(4_887_094_690_437_680_944)).context)
                == #"{"id":4887094690437680944,"peerURLs":null,"isPromote":true}"#)
        #expect(
            text(MembershipChange.update(learner.id, peerURLs: ["http://127.0.0.1:14681"]).context)
                == #"{"id":11034736226739252402,"peerURLs":["http://127.0.0.1:14681"]}"#)
        #expect(MembershipChange.remove(learner.id).context == [])
        let bootstrap = ClusterMember(
            id: MemberID(3_216_812_504_534_468_517), peerURLs: ["http://127.0.0.1:13380"], name: "infra0")
        #expect(
            bootstrap.json
                == #"{"id":3216812504534468517,"peerURLs":["http://127.0.0.1:13380"],"name":"infra0"}"#)
        #expect(MembershipChange.add(bootstrap).context.count == 80)
    }

    @Test func `names are escaped as Go escapes them`() {
        let member = ClusterMember(
            id: MemberID(1), peerURLs: ["http://a?x=<&>"], name: "\"\\\n\u{1}\u{2028}é")
        #expect(
            member.json
                == #"{"id":1,"peerURLs":["http://a?x=\u003c\u0026\u003e"],"name":"\"\\\n\u0001\u2028é"}"#)
        #expect(ClusterMember(json: Array(member.json.utf8)) == member)
    }

    @Test func `lists of members are read back`() {
        let members = [
            learner,
            ClusterMember(id: MemberID(5), peerURLs: ["http://x"], name: "n", clientURLs: ["http://c"]),
        ]
        let list = ClusterMember.list(members)
        #expect(
            list == #"[{"id":5,"peerURLs":["http://x"],"name":"n","clientURLs":["http://c"]},"#
                + #"{"id":11034736226739252402,"peerURLs":["http://127.0.0.1:14680"],"isLearner":true}]"#
                + "\n")
        #expect(ClusterMember.list(parsing: Array(list.utf8)) == members.reversed())
    }

    @Test(arguments: [
        "", "{", "{}", "[1", "{\"id\":}", "{\"id\":1}x", "{\"id\":\"1\"}", "nul",
        "{\"id\":18446744073709551616}", "\"\\ud800\"",
    ])
    func `what is no member is refused`(_ json: String) {
        #expect(ClusterMember(json: Array(json.utf8)) == nil)
    }

    private func change(_ change: MembershipChange, id: UInt64 = 9) -> [UInt8] {
        var data: [UInt8] = []
        data.appendField(1, always: id)
        data.appendField(2, always: change.type)
        data.appendField(3, always: change.member.rawValue)
        if !change.context.isEmpty { data.appendField(4, always: change.context) }
        return data
    }

    @Test func `changes are read back from their entries`() throws {
        for wanted in [
            MembershipChange.add(learner), .add(ClusterMember(id: MemberID(3), peerURLs: ["http://x"])),
            .promote(MemberID(4)), .remove(MemberID(4)), .update(MemberID(4), peerURLs: ["http://y"]),
        ] {
            let decoded = try unsafe MembershipChange.decode(change(wanted).span.bytes)
            #expect(decoded.request == 9 && decoded.change == wanted)
        }
    }

    @Test func `every rule about members is kept when a change is applied`() throws {
        let membership = Membership(localID: MemberID(1), clusterID: 5)
        func apply(_ change: MembershipChange) throws { _ = try membership.apply(change, learnersMax: 1) }
        try apply(.add(ClusterMember(id: MemberID(1), peerURLs: ["http://a"])))
        try apply(.add(ClusterMember(id: MemberID(2), peerURLs: ["http://b"], isLearner: true)))
        #expect(throws: StoreError.memberIDExists) {
            try apply(.add(ClusterMember(id: MemberID(2), peerURLs: ["http://c"])))
        }
        #expect(throws: StoreError.peerURLExists) {
            try apply(.add(ClusterMember(id: MemberID(3), peerURLs: ["http://c", "http://a"])))
        }
        #expect(throws: StoreError.tooManyLearners) {
            try apply(.add(ClusterMember(id: MemberID(3), peerURLs: ["http://c"], isLearner: true)))
        }
        #expect(throws: StoreError.memberNotLearner) { try apply(.promote(MemberID(1))) }
        #expect(throws: StoreError.memberNotFound) { try apply(.promote(MemberID(9))) }
        #expect(throws: StoreError.memberNotFound) { try apply(.remove(MemberID(9))) }
        #expect(throws: StoreError.memberNotFound) { try apply(.update(MemberID(9), peerURLs: ["http://z"])) }
        #expect(throws: StoreError.peerURLExists) { try apply(.update(MemberID(2), peerURLs: ["http://a"])) }
        try apply(.update(MemberID(2), peerURLs: ["junk"]))
        #expect(
            membership.configuration == ConfigurationState(voters: [MemberID(1)], learners: [MemberID(2)]))
        try apply(.promote(MemberID(2)))
        #expect(membership.configuration.voters == [MemberID(1), MemberID(2)])
        try apply(.remove(MemberID(2)))
        #expect(throws: StoreError.memberNotFound) {
            try apply(.add(ClusterMember(id: MemberID(2), peerURLs: ["http://d"])))
        }
        #expect(membership.isRemoved(MemberID(2)) && membership.members.map(\.id) == [MemberID(1)])
    }

    @Test(arguments: [("3.5.0", 3, 5, 0), ("3.6", 3, 6, 0), ("3.6.0-rc.1", 3, 6, 0)])
    func `versions are read`(_ version: String, _ major: Int, _ minor: Int, _ patch: Int) {
        #expect(ClusterVersion(version) == ClusterVersion(major: major, minor: minor, patch: patch))
    }

    @Test(arguments: ["", "3", "3.x", "3.5.0.1", "a.b", "3..1"])
    func `what is no version is refused`(_ version: String) { #expect(ClusterVersion(version) == nil) }
}
