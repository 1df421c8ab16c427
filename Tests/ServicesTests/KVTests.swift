import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

@Suite struct KVTests {
    typealias Failure = TestMember.Failure

    @Test func `a put answers with the new revision and a full header`() throws {
        let member = try TestMember()
        let response = try member.put("a", "1")
        #expect(response.header.revision == 2)
        #expect(response.header.clusterID == TestMember.clusterID)
        #expect(response.header.memberID == TestMember.rawID)
        #expect(response.header.raftTerm == 2)
        #expect(!response.hasPrevKv)
    }

    @Test func `a put returns the previous pair when asked`() throws {
        let member = try TestMember()
        try member.put("a", "1")
        let response: PutResponse = try member.call(
            .put,
            PutRequest.with {
                $0.key = data("a")
                $0.value = data("2")
                $0.prevKv = true
            })
        #expect(text(response.prevKv.value) == "1")
        #expect(response.prevKv.modRevision == 2)
    }

    @Test func `requests that break a rule get etcd's code and text`() throws {
        let member = try TestMember { $0.txnOperationsMax = 4 }
        func put(_ change: (inout PutRequest) -> Void) -> PutRequest { .with(change) }
        let empty = PutRequest()
        #expect(throws: Failure(code: 3, text: "etcdserver: key is not provided")) {
            let _: PutResponse = try member.call(.put, empty)
        }
        let both = PutRequest.with {
            $0.key = data("a")
            $0.value = data("v")
            $0.ignoreValue = true
        }
        #expect(throws: Failure(code: 3, text: "etcdserver: value is provided")) {
            let _: PutResponse = try member.call(.put, both)
        }
        let lease = PutRequest.with {
            $0.key = data("a")
            $0.lease = 77
        }
        #expect(throws: Failure(code: 5, text: "etcdserver: requested lease not found")) {
            let _: PutResponse = try member.call(.put, lease)
        }
        let future = RangeRequest.with {
            $0.key = data("a")
            $0.revision = 1000
        }
        #expect(
            throws: Failure(code: 11, text: "etcdserver: mvcc: required revision is a future revision")
        ) {
            let _: RangeResponse = try member.call(.range, future)
        }
        let five = TxnRequest.with {
            $0.success = (0..<5).map { key in
                .with { $0.requestPut = .with { $0.key = data("\(key)") } }
            }
        }
        #expect(throws: Failure(code: 3, text: "etcdserver: too many operations in txn request")) {
            let _: TxnResponse = try member.call(.txn, five)
        }
        let twice = TxnRequest.with {
            $0.success = (0..<2).map { _ in .with { $0.requestPut = .with { $0.key = data("k") } } }
        }
        #expect(throws: Failure(code: 3, text: "etcdserver: duplicate key given in txn request")) {
            let _: TxnResponse = try member.call(.txn, twice)
        }
        let hollow = TxnRequest.with { $0.success = [RequestOp()] }
        #expect(throws: Failure(code: 3, text: "etcdserver: key not found")) {
            let _: TxnResponse = try member.call(.txn, hollow)
        }
    }

    @Test func `a value beyond max-request-bytes is refused, one beyond the frame limit earlier`() throws {
        let member = try TestMember()
        let large = PutRequest.with {
            $0.key = data("a")
            $0.value = Data(count: 1_600_000)
        }
        #expect(throws: Failure(code: 3, text: "etcdserver: request is too large")) {
            let _: PutResponse = try member.call(.put, large)
        }
        let larger = PutRequest.with {
            $0.key = data("a")
            $0.value = Data(count: 2_200_000)
        }
        #expect(
            throws: Failure(
                code: 8, text: "grpc: received message larger than max (2200008 vs. 2097152)")
        ) {
            let _: PutResponse = try member.call(.put, larger)
        }
    }

    @Test func `a txn without operations succeeds and changes nothing`() throws {
        let member = try TestMember()
        let response: TxnResponse = try member.call(.txn, TxnRequest())
        #expect(response.succeeded)
        #expect(response.header.revision == 1)
    }

    @Test func `a txn answers with the responses of the chosen branch`() throws {
        let member = try TestMember()
        try member.put("x", "1")
        let request = TxnRequest.with {
            $0.compare = [
                .with {
                    $0.key = data("x")
                    $0.target = .value
                    $0.value = data("1")
                }
            ]
            $0.success = [
                .with {
                    $0.requestPut = .with {
                        $0.key = data("y")
                        $0.value = data("2")
                    }
                }, .with { $0.requestRange = .with { $0.key = data("y") } },
            ]
        }
        let response: TxnResponse = try member.call(.txn, request)
        #expect(response.succeeded)
        #expect(response.header.revision == 3)
        #expect(response.responses.count == 2)
        #expect(text(response.responses[1].responseRange.kvs[0].value) == "2")
    }

    @Test func `compaction refuses what is compacted already and what is not written yet`() throws {
        let member = try TestMember()
        for value in 0..<9 { try member.put("a", "\(value)") }
        let _: CompactionResponse = try member.call(.compact, CompactionRequest.with { $0.revision = 5 })
        #expect(throws: Failure(code: 11, text: "etcdserver: mvcc: required revision has been compacted")) {
            let _: CompactionResponse = try member.call(.compact, CompactionRequest())
        }
        #expect(
            throws: Failure(code: 11, text: "etcdserver: mvcc: required revision is a future revision")
        ) {
            let _: CompactionResponse = try member.call(
                .compact, CompactionRequest.with { $0.revision = 100 })
        }
    }

    @Test func `a physical compaction is answered when the records are gone`() throws {
        let member = try TestMember()
        for value in 0..<9 { try member.put("a", "\(value)") }
        let stream = member.open(.compact)
        try member.send(
            stream,
            CompactionRequest.with {
                $0.revision = 5
                $0.physical = true
            }, end: true)
        #expect(member.status(stream) == nil)
        member.services.compacted(through: 5)
        member.run()
        #expect(member.status(stream)?.code == 0)
    }

    @Test func `a large range streams from the snapshot and equals its pairs`() throws {
        let member = try TestMember()
        let value = String(repeating: "v", count: 1000)
        for key in 0..<300 { try member.put("k\(1000 + key)", value) }
        let response: RangeResponse = try member.call(
            .range,
            RangeRequest.with {
                $0.key = data("k")
                $0.rangeEnd = data("l")
            })
        #expect(response.kvs.count == 300)
        #expect(response.count == 300)
        #expect(response.kvs.allSatisfy { text($0.value) == value })
    }

    @Test func `the chunks of a range stream merge to what a range answers`() throws {
        let member = try TestMember()
        for key in 0..<100 { try member.put("k\(1000 + key)", "v") }
        let request = RangeRequest.with {
            $0.key = data("k")
            $0.rangeEnd = data("l")
            $0.limit = 90
        }
        let whole: RangeResponse = try member.call(.range, request)
        let stream = member.open(.rangeStream)
        try member.send(stream, request, end: true)
        try member.check(stream)
        let chunks = try member.responses(stream, RangeStreamResponse.self).map(\.rangeResponse)
        #expect(chunks.map(\.kvs.count) == [10, 20, 40, 20])
        #expect(chunks.dropLast().allSatisfy { !$0.hasHeader && !$0.more && $0.count == 0 })
        #expect(chunks.flatMap(\.kvs) == whole.kvs)
        #expect(chunks.last?.header == whole.header)
        #expect(chunks.last?.more == true)
        #expect(chunks.last?.count == 100)
    }

    @Test func `a range stream refuses orders and filters`() throws {
        let member = try TestMember()
        let sorted = RangeRequest.with {
            $0.key = data("k")
            $0.sortOrder = .descend
        }
        #expect(throws: Failure(code: 12, text: "RangeStream does not support custom sort orders")) {
            let _: RangeStreamResponse = try member.call(.rangeStream, sorted)
        }
        let filtered = RangeRequest.with {
            $0.key = data("k")
            $0.minModRevision = 1
        }
        #expect(throws: Failure(code: 12, text: "RangeStream does not support revision filters")) {
            let _: RangeStreamResponse = try member.call(.rangeStream, filtered)
        }
    }

    @Test func `a full database raises the alarm and still deletes`() throws {
        let member = try TestMember { $0.quotaBackendBytes = 17_000 }
        try member.put("a", "1")
        member.setDatabaseBytes(inUse: 16_900)
        #expect(throws: Failure(code: 8, text: "etcdserver: mvcc: database space exceeded")) {
            try member.put("b", "1")
        }
        #expect(member.fullMembers == [TestMember.rawID])
        #expect(throws: Failure(code: 8, text: "etcdserver: mvcc: database space exceeded")) {
            try member.put("b", "1")
        }
        #expect(try member.delete("a").deleted == 1)
        member.setDatabaseBytes(inUse: 0)
        #expect(throws: Failure(code: 8, text: "etcdserver: mvcc: database space exceeded")) {
            try member.put("b", "1")
        }
        let disarm = AlarmRequest.with {
            $0.action = .deactivate
            $0.memberID = TestMember.rawID
            $0.alarm = .nospace
        }
        let answer: AlarmResponse = try member.call(.alarm, disarm)
        #expect(answer.alarms.count == 1)
        try member.put("b", "1")
    }
}
