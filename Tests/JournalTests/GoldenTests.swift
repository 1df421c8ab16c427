import Raft
import Testing
import Wire

@testable import Journal

/// The bytes of spec/vectors.md 2, recorded from a real etcd 3.5.30.
@Suite struct GoldenTests {
    static let member = MemberID(0x2ca4_69ed_f1cf_c7a5)
    static let json = #"{"id":3216812504534468517,"peerURLs":["http://127.0.0.1:13380"],"name":"infra0"}"#
    static let change = hex("0800 1000 18a58fbf8edfbd9ad22c 2250") + Array(json.utf8)

    @Test func `a log written with etcd's values has etcd's bytes`() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/wal"
        var log = try DurableLog.create(
            in: path, metadata: LogMetadata(memberID: Self.member, clusterID: 4_537_921_204_323_007_476))
        let first = Entry(id: id(1, 1), kind: .configurationChange, data: Self.change)
        try log.save([first], hardState: state(term: 1, commit: 1), mustSync: true)
        try log.save(
            [entry(2, term: 2)], hardState: state(term: 2, vote: Self.member.rawValue, commit: 2),
            mustSync: true)
        try log.close()

        let bytes = try contents(path + "/0000000000000000-0000000000000000.wal")
        #expect(bytes.count == 64_000_000)
        let head = hex(
            """
            0400000000000084 0804100000000000
            1d00000000000083 080110a6ab9b0e1a14 08a58fbf8edfbd9ad22c10f4f78ad3ade9fbfc3e 000000
            0e00000000000082 080510de89a5c1051a04 08001000 0000
            7200000000000086 0802109f8b99fd0e1a68
            """)
        #expect(Array(bytes[..<head.count]) == head)
        #expect(Array(bytes[head.count..<(head.count + 104)]) == hex("08011001180122 60") + Self.change)
        let rest = hex(
            """
            1000000000000000 080310b294a99e0c1a06 080110001801
            1000000000000000 080210aab890c70d1a06 080010021802
            1800000000000000 080310dfdddde50f1a0e 080210a58fbf8edfbd9ad22c1802
            """)
        #expect(Array(bytes[0xd0..<(0xd0 + rest.count)]) == rest)
        let tail = Array(bytes[(0xd0 + rest.count)...])
        #expect(tail == [UInt8](repeating: 0, count: tail.count))
    }

    @Test func `the log of those bytes gives back what was written`() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/wal"
        let metadata = LogMetadata(memberID: Self.member, clusterID: 4_537_921_204_323_007_476)
        let first = Entry(id: id(1, 1), kind: .configurationChange, data: Self.change)
        var log = try DurableLog.create(in: path, metadata: metadata)
        try log.save([first, entry(2)], hardState: state(term: 1, commit: 1), mustSync: true)
        try log.close()
        let recovery = try DurableLog.recover(in: path, from: .zero)
        #expect(recovery.metadata == metadata)
        #expect(recovery.hardState == state(term: 1, commit: 1))
        #expect(recovery.entries == [first, entry(2)])
        #expect(recovery.report.repair == nil)
    }
}
