import EtcdAPI
import EtcdClient
import FoundationEssentials
import Raft
import SwiftProtobuf
import Testing

@testable import LoadGeneration

@Suite struct `Workloads` {
    private func keys(_ size: UInt64, keySize: Int = 8, prefix: String = "") -> KeySpace {
        var keys = KeySpace(seed: 7)
        keys.size = size
        keys.isSequential = true
        keys.keySize = .fixed(keySize)
        keys.prefix = Array(prefix.utf8)
        return keys
    }

    @Test func `a key begins with its number as Go writes a signed varint`() {
        let keys = keys(1000)
        #expect(keys.key(0) == [0, 0, 0, 0, 0, 0, 0, 0])
        #expect(keys.key(1) == [2, 0, 0, 0, 0, 0, 0, 0])
        #expect(keys.key(300) == [0xd8, 0x04, 0, 0, 0, 0, 0, 0])
        let prefixed = self.keys(10, keySize: 2, prefix: "p/")
        #expect(prefixed.key(1) == Array("p/".utf8) + [2, 0])
    }

    @Test func `sequential numbers begin again at the size of the space`() {
        var keys = keys(3)
        #expect((0..<7).map { _ in keys.number() } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test(arguments: [8, 127, 128, 300]) func `a put is what the generated decoder reads`(_ size: Int) throws
    {
        let workload = PutWorkload(
            keys: keys(100, keySize: size), values: Values(size: .fixed(size), seed: 1))
        for number in 0..<3 {
            var request: [UInt8] = []
            #expect(workload.begin(0, &request) == .put)
            let put = try PutRequest(serializedBytes: request)
            let expected = keys(100, keySize: size)
            #expect(Array(put.key) == expected.key(UInt64(number)))
            #expect(put.value.count == size)
        }
    }

    @Test func `a range carries every option`() throws {
        var options = RangeOptions()
        options.key = Array("a".utf8)
        options.end = RangeOptions.end(ofPrefix: options.key)
        options.limit = 5
        options.isSerializable = true
        options.countOnly = true
        var request: [UInt8] = []
        #expect(RangeWorkload(options).begin(0, &request) == .range)
        let range = try RangeRequest(serializedBytes: request)
        #expect(Array(range.key) == [0x61])
        #expect(Array(range.rangeEnd) == [0x62])
        #expect(range.limit == 5)
        #expect(range.serializable && range.countOnly && !range.keysOnly)
    }

    @Test func `pages follow each other at the revision of the first`() throws {
        var options = RangeOptions()
        options.key = Array("a".utf8)
        options.end = Array("c".utf8)
        let workload = RangeWorkload(options, .pages(of: 2), clients: 1)
        var request: [UInt8] = []
        #expect(workload.begin(0, &request) == .range)
        let first = try RangeRequest(serializedBytes: request)
        #expect(first.limit == 2 && first.revision == 0 && Array(first.key) == options.key)
        func answer(_ revision: Int64, last: String, more: Bool) throws {
            let page = RangeResponse.with {
                $0.header.revision = revision
                $0.kvs = [.with { $0.key = Data("a".utf8) }, .with { $0.key = Data(last.utf8) }]
                $0.more = more
            }
            let bytes: [UInt8] = try page.serializedBytes()
            workload.answer(0, bytes.span.bytes)
        }
        try answer(30, last: "b", more: true)
        request = []
        #expect(workload.proceed(0, &request) == .ask(.range))
        let second = try RangeRequest(serializedBytes: request)
        #expect(Array(second.key) == Array("b\0".utf8) && second.revision == 30 && second.limit == 2)
        #expect(Array(second.rangeEnd) == options.end)
        try answer(31, last: "bb", more: false)
        #expect(workload.proceed(0, &request) == .done(kind: 0))
        request = []
        _ = workload.begin(0, &request)
        #expect(try RangeRequest(serializedBytes: request) == first)
    }

    @Test func `a stream is asked by its own call`() {
        var request: [UInt8] = []
        #expect(RangeWorkload(RangeOptions(), .stream).begin(0, &request) == .rangeStream)
    }

    @Test func `a prefix of the largest bytes ends nowhere`() {
        #expect(RangeOptions.end(ofPrefix: [1, 0xff, 0xff]) == [2])
        #expect(RangeOptions.end(ofPrefix: [0xff]) == [0])
    }

    @Test func `txn-put writes different keys that follow each other`() throws {
        let workload = TxnPutWorkload(
            keys: keys(4), values: Values(size: .fixed(3), seed: 1), operations: 3)
        var request: [UInt8] = []
        _ = workload.begin(0, &request)
        request = []
        #expect(workload.begin(0, &request) == .txn)
        let txn = try TxnRequest(serializedBytes: request)
        #expect(txn.compare.isEmpty)
        let first = txn.success.map { $0.requestPut.key[$0.requestPut.key.startIndex] }
        #expect(first == [2, 4, 6])  // numbers 1, 2, 3
    }

    @Test func `txn-mixed reads and writes in its proportion`() throws {
        let workload = TxnMixedWorkload(
            keys: keys(10), values: Values(size: .fixed(3), seed: 1), range: RangeOptions(), ratio: 3,
            clients: 1, seed: 5)
        var reads = 0
        for _ in 0..<4000 {
            var request: [UInt8] = []
            _ = workload.begin(0, &request)
            let txn = try TxnRequest(serializedBytes: request)
            guard case .done(let kind) = workload.proceed(0, &request) else {
                Issue.record("one request")
                continue
            }
            let isRead = if case .requestRange = txn.success[0].request { true } else { false }
            #expect(isRead == (kind == 0))
            reads += isRead ? 1 : 0
        }
        #expect((2850...3150).contains(reads))
    }

    @Test func `an update of the registry is a transaction on the revision last seen`() throws {
        var revisions: [Int64] = Array(repeating: 11, count: 3)
        revisions[2] = 12
        let workload = KubernetesWorkload(
            KubernetesRegistry(prefix: "/some", pods: 2, nodes: revisions.count - 2), revisions: revisions,
            pageSize: 10, values: Values(size: .fixed(20), seed: 1),
            clients: 1,
            seed: 3)
        var seen: Set<String> = []
        for _ in 0..<200 {
            var request: [UInt8] = []
            guard workload.begin(0, &request) == .txn else { continue }
            let txn = try TxnRequest(serializedBytes: request)
            let compare = txn.compare[0]
            #expect(compare.target == .mod && compare.result == .equal)
            #expect([0, 11, 12].contains(compare.modRevision))
            let key = String(decoding: compare.key, as: UTF8.self)
            #expect(key.hasPrefix(compare.modRevision == 12 ? "/some/leases/" : "/some/"))
            #expect(txn.failure[0].requestRange.key == compare.key)
            switch txn.success[0].request {
            case .requestPut(let put):
                #expect(put.key == compare.key)
                seen.insert(compare.modRevision == 0 ? "create" : "update")
            case .requestDeleteRange: seen.insert("delete")
            default: Issue.record("no write")
            }
        }
        #expect(seen == ["create", "update", "delete"])
    }

    @Test func `stm tries again when its commit fails`() throws {
        let workload = STMWorkload(
            isolation: .serializableSnapshot, keys: 2, keysPerTransaction: 1, writePercent: 100,
            values: Values(size: .fixed(3), seed: 1), clients: 1, seed: 3)
        var request: [UInt8] = []
        #expect(workload.begin(0, &request) == .range)
        func read(_ revision: Int64) throws {
            var answer = RangeResponse()
            answer.header.revision = 50
            answer.kvs = [.with { $0.modRevision = revision }]
            let bytes: [UInt8] = try answer.serializedBytes()
            workload.answer(0, bytes.span.bytes)
        }
        func commit(_ succeeded: Bool) throws -> TxnRequest {
            var request: [UInt8] = []
            guard case .ask(.txn) = workload.proceed(0, &request) else {
                Issue.record("a commit")
                return TxnRequest()
            }
            let bytes: [UInt8] = try TxnResponse.with { $0.succeeded = succeeded }.serializedBytes()
            workload.answer(0, bytes.span.bytes)
            return try TxnRequest(serializedBytes: request)
        }
        try read(40)
        #expect(try commit(false).compare[0].modRevision == 40)
        request = []
        guard case .ask(.range) = workload.proceed(0, &request) else {
            Issue.record("reads again")
            return
        }
        try read(45)
        let second = try commit(true)
        #expect(second.compare[0].modRevision == 45)
        #expect(second.success.count == 1)
        guard case .done = workload.proceed(0, &request) else {
            Issue.record("is done")
            return
        }
        #expect(workload.conflicts == 1)
    }
}

@Suite struct `Keys` {
    @Test func `a number has one key, also where sizes differ`() throws {
        var keys = KeySpace(seed: 5)
        keys.size = 30
        keys.keySize = try #require(SizeDistribution("uniform:10-40"))
        var seen: Set<[UInt8]> = []
        for _ in 0..<2000 {
            var key: [UInt8] = []
            keys.append(to: &key)
            seen.insert(key)
        }
        #expect(seen.count == 30)
        #expect(Set(seen.map(\.count)).count > 10)
        #expect((0..<30).allSatisfy { seen.contains(keys.key($0)) })
    }
}

@Suite struct `Sizes` {
    @Test func `every form is read and draws within its bounds`() throws {
        var chance = SeededGenerator(seed: 9)
        let uniform = try #require(SizeDistribution("uniform:10-20"))
        #expect((0..<1000).map { _ in uniform.draw(&chance) }.allSatisfy { (10...20).contains($0) })
        let list = try #require(SizeDistribution("list:100x9,4000x1"))
        let drawn = (0..<10_000).map { _ in list.draw(&chance) }
        #expect(Set(drawn) == [100, 4000])
        #expect((8800...9200).contains(drawn.filter { $0 == 100 }.count))
        #expect(list.largest == 4000)
        #expect(SizeDistribution("256") == .fixed(256))
    }

    @Test func `an exponential size has its mean`() throws {
        var chance = SeededGenerator(seed: 9)
        let sizes = try #require(SizeDistribution("exponential:1000"))
        let sum = (0..<20_000).reduce(0) { total, _ in total + sizes.draw(&chance) }
        #expect((960...1040).contains(sum / 20_000))
    }

    @Test(arguments: [
        "", "-1", "x", "uniform:9-3", "uniform:1", "list:", "list:5", "list:5x0", "exponential:0",
    ])
    func `what is no size is refused`(_ text: String) {
        #expect(SizeDistribution(text) == nil)
    }
}
