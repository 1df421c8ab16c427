import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

@Suite struct MaintenanceTests {
    typealias Failure = TestMember.Failure

    @Test func `status tells the local state`() throws {
        let member = try TestMember()
        try member.put("a", "1")
        let status: StatusResponse = try member.call(.status, StatusRequest())
        #expect(status.version == "3.6.0")
        #expect(status.dbSize == 65_536)
        #expect(status.dbSizeInUse == 16_384)
        #expect(status.leader == TestMember.rawID)
        #expect(status.raftTerm == 2)
        #expect(status.raftIndex == 2)
        #expect(status.raftAppliedIndex == 2)
        #expect(status.errors.isEmpty)
        #expect(status.storageVersion == "3.6.0")
        #expect(status.dbSizeQuota == 2_147_483_648)
        #expect(status.hasDowngradeInfo)
        #expect(status.header.revision == 2)
    }

    @Test func `status names what is wrong`() throws {
        let member = try TestMember()
        let activate = AlarmRequest.with {
            $0.action = .activate
            $0.memberID = TestMember.rawID
            $0.alarm = .nospace
        }
        let _: AlarmResponse = try member.call(.alarm, activate)
        member.setLeader(nil)
        let status: StatusResponse = try member.call(.status, StatusRequest())
        #expect(status.errors == ["etcdserver: no leader", "memberID:\(TestMember.rawID) alarm:NOSPACE "])
    }

    @Test func `hashes come back with the numbers of the worker`() throws {
        let member = try TestMember()
        try member.put("a", "1")
        let stream = member.open(.hashKV)
        try member.send(stream, HashKVRequest.with { $0.revision = 2 }, end: true)
        member.perform { operation in
            #expect(operation == .hashKV(revision: 2))
            return .hashKV(hash: 0xfedc_ba98, compactRevision: -1, hashRevision: 2)
        }
        let answer = try #require(try member.responses(stream, HashKVResponse.self).first)
        #expect(answer.hash == 0xfedc_ba98)
        #expect(answer.compactRevision == -1)
        #expect(answer.hashRevision == 2)
        #expect(answer.header.revision == 2)
    }

    @Test func `a hash of a compacted revision is refused`() throws {
        let member = try TestMember()
        let stream = member.open(.hashKV)
        try member.send(stream, HashKVRequest.with { $0.revision = 1 }, end: true)
        member.perform { _ in .compacted }
        #expect(
            member.status(stream)
                == Failure(code: 11, text: "etcdserver: mvcc: required revision has been compacted"))
    }

    @Test func `defragment answers without a header`() throws {
        let member = try TestMember()
        let stream = member.open(.defragment)
        try member.send(stream, DefragmentRequest(), end: true)
        member.perform { _ in .defragmented }
        #expect(member.status(stream)?.code == 0)
        #expect(member.client.messages(stream) == [[]])
    }

    @Test func `a snapshot is blobs of 32 KiB and a digest, also for a slow reader`() throws {
        let member = try TestMember(window: 50_000)
        let (copy, bytes) = patternCopy(size: 1_000_000)
        let stream = member.open(.snapshot)
        try member.send(stream, SnapshotRequest(), end: true)
        member.perform { _ in .snapshot(copy) }
        #expect(member.status(stream) == nil)
        for _ in 0..<40 { member.allow(stream, 50_000) }
        #expect(member.status(stream)?.code == 0)
        let parts = try member.responses(stream, SnapshotResponse.self)
        #expect(parts.dropLast().map { Array($0.blob) }.flatMap { $0 } == bytes)
        #expect(parts.dropLast(2).allSatisfy { $0.blob.count == 32_768 })
        #expect(parts[0].remainingBytes == 1_000_000 - 32_768)
        #expect(parts[0].version == "3.6.0")
        #expect(!parts[0].hasHeader)
        let digest = SHA256Digest()
        digest.update(bytes)
        #expect(parts.last.map { Array($0.blob) } == digest.finish())
        #expect(parts.last?.remainingBytes == 0)
    }

    @Test func `leadership moves to a voter that is known, and at once to the leader itself`() throws {
        let member = try TestMember()
        func move(_ target: UInt64) throws -> MoveLeaderResponse {
            try member.call(.moveLeader, MoveLeaderRequest.with { $0.targetID = target })
        }
        #expect(try move(TestMember.rawID) == MoveLeaderResponse())
        #expect(throws: Failure(code: 9, text: "etcdserver: bad leader transferee")) { _ = try move(5) }
        member.setLeader(nil)
        #expect(throws: Failure(code: 9, text: "etcdserver: not leader")) { _ = try move(TestMember.rawID) }
    }

    @Test func `downgrades are checked in etcd's order`() throws {
        let member = try TestMember()
        func downgrade(_ action: DowngradeRequest.DowngradeAction, _ version: String) throws
            -> DowngradeResponse
        {
            try member.call(
                .downgrade,
                DowngradeRequest.with {
                    $0.action = action
                    $0.version = version
                })
        }
        #expect(throws: Failure(code: 3, text: "etcdserver: wrong downgrade target version format")) {
            _ = try downgrade(.validate, "x")
        }
        #expect(
            throws: Failure(code: 9, text: "etcdserver: cluster version not found during downgrade")
        ) { _ = try downgrade(.validate, "3.5") }
        member.setClusterVersion("3.6.0")
        #expect(throws: Failure(code: 3, text: "etcdserver: invalid downgrade target version")) {
            _ = try downgrade(.validate, "3.4.0")
        }
        #expect(try downgrade(.validate, "3.5").version == "3.6")
        #expect(try downgrade(.enable, "3.5.0").version == "3.6")
        #expect(throws: Failure(code: 9, text: "etcdserver: cluster has a downgrade job in progress")) {
            _ = try downgrade(.enable, "3.5.0")
        }
        #expect(try downgrade(.cancel, "").version == "3.6")
        #expect(try downgrade(.cancel, "").version == "3.6")
        #expect(throws: Failure(code: 2, text: "etcdserver: unknown method")) {
            _ = try downgrade(.UNRECOGNIZED(9), "")
        }
    }
}
