import EtcdAPI
import FoundationEssentials
import MVCC
@testable import Store
import SwiftProtobuf
import Testing

@Suite struct RangeTests {
    /// Keys a…e: created 2…6, then c changed at 7 and a at 8, so every order of sorting is another one.
    private func filled() throws -> Machine {
        let machine = try Machine()
        for (key, value) in [("a", "5"), ("b", "4"), ("c", "9"), ("d", "2"), ("e", "1")] {
            try machine.put(key, value)
        }
        try machine.put("c", "3")
        try machine.put("a", "5")
        return machine
    }

    private func query(
        _ start: String = "\0", _ end: String = "\0", _ edit: (inout RangeQuery) -> Void = { _ in }
    ) -> RangeQuery {
        var query = RangeQuery(key: bytes(start), rangeEnd: bytes(end))
        edit(&query)
        return query
    }

    private func keys(_ response: RangeResponse) -> String { response.kvs.map { text($0.key) }.joined() }

    @Test(arguments: [
        ("b", "", "b"), ("b", "d", "bc"), ("b", "\0", "bcde"), ("\0", "\0", "abcde"),
        ("d", "b", ""), ("b", "b", ""), ("x", "", ""), ("aa", "cc", "bc"),
    ])
    func `a range end means what the convention says`(_ start: String, _ end: String, _ expected: String)
        throws
    {
        let response = try filled().range(query(start, end))
        #expect(keys(response) == expected)
        #expect(response.count == Int64(expected.count))
        #expect(!response.more)
    }

    @Test(arguments: [
        (RangeQuery.SortTarget.key, RangeQuery.SortOrder.none, "abcde"),
        (.key, .ascend, "abcde"), (.key, .descend, "edcba"),
        (.version, .ascend, "bdeac"), (.version, .descend, "acbde"), (.version, .none, "bdeac"),
        (.create, .ascend, "abcde"), (.create, .descend, "edcba"),
        (.mod, .ascend, "bdeca"), (.mod, .descend, "acedb"),
        (.value, .ascend, "edcba"), (.value, .descend, "abcde"), (.value, .none, "edcba"),
    ])
    func `sorting by every target in every order`(
        _ target: RangeQuery.SortTarget, _ order: RangeQuery.SortOrder, _ expected: String
    ) throws {
        let machine = try filled()
        let sorted = query {
            $0.sortTarget = target; $0.sortOrder = order
        }
        #expect(try keys(machine.range(sorted)) == expected)
        let limited = query {
            $0.sortTarget = target; $0.sortOrder = order; $0.limit = 2
        }
        let response = try machine.range(limited)
        // Without an order only what the limit (and one more) left is sorted: a, b and c.
        let cut = order == RangeQuery.SortOrder.none ? expected.filter { "abc".contains($0) } : expected
        #expect(keys(response) == String(cut.prefix(2)))
        #expect(response.more && response.count == 5)
    }

    @Test func `limits cut off and say so`() throws {
        let machine = try filled()
        #expect(try machine.range(query { $0.limit = 5 }).more == false)
        let four = try machine.range(query { $0.limit = 4 })
        #expect(keys(four) == "abcd" && four.more && four.count == 5)
        let negative = try machine.range(query { $0.limit = -1 })
        #expect(keys(negative) == "abcde" && !negative.more)
        #expect(try keys(machine.range(query { $0.limit = .max })) == "abcde")
    }

    @Test func `filters drop pairs and do not change the count`() throws {
        let machine = try filled()
        let response = try machine.range(
            query {
                $0.minModRevision = 6; $0.limit = 1
            })
        #expect(keys(response) == "a" && response.more && response.count == 5)
        #expect(try keys(machine.range(query { $0.maxModRevision = 5 })) == "bd")
        #expect(
            try keys(
                machine.range(
                    query {
                        $0.minCreateRevision = 3; $0.maxCreateRevision = 4
                    })) == "bc")
        let missed = try machine.range(query { $0.minModRevision = 100 })
        #expect(keys(missed) == "" && missed.count == 5 && !missed.more)
    }

    @Test func `count_only ignores limit, order and filters`() throws {
        let response = try filled().range(
            query {
                $0.countOnly = true; $0.limit = 3; $0.minModRevision = 100; $0.sortOrder = .descend
            })
        #expect(response.count == 5 && response.kvs.isEmpty && !response.more)
    }

    @Test func `keys_only leaves out the value and keeps the lease`() throws {
        let machine = try filled()
        try machine.grant(5, ttl: 100)
        try machine.put("f", "value", lease: 5)
        let pairs = try machine.range(
            query {
                $0.keysOnly = true; $0.limit = 6
            }
        ).kvs
        let whole = try machine.range(query()).kvs
        #expect(pairs.count { !$0.value.isEmpty } == 0)
        #expect(pairs.last?.lease == 5)
        #expect(pairs == whole.map { pair in pair.with { $0.value = .init() } })
    }

    @Test func `old revisions are read, compacted and future ones are refused`() throws {
        let machine = try filled()
        #expect(try machine.range(query("a", "") { $0.revision = 2 }).kvs[0].version == 1)
        #expect(try machine.range(query { $0.revision = 4 }).count == 3)
        #expect(try machine.range(query { $0.revision = -5 }).count == 5)
        #expect(throws: ReadError.refused(.futureRevision)) { try machine.range(query { $0.revision = 9 }) }
        try machine.compact(5)
        #expect(throws: ReadError.refused(.compacted)) { try machine.range(query { $0.revision = 4 }) }
        #expect(try machine.range(query { $0.revision = 5 }).count == 4)
    }

    @Test func `the header revision is the store's, not the one asked for`() throws {
        let machine = try filled()
        let answer = try RangeAnswer.select(query { $0.revision = 3 }, from: machine.reader)
        #expect(answer.revision == 8)
        answer.release()
    }

    @Test(arguments: [1, 2, 7, 64, 4096, 1 << 20])
    func `a body pulled in pieces of any size is the whole response`(_ piece: Int) throws {
        let machine = try Machine()
        for number in 0..<300 { try machine.put("key\(number)", String(repeating: "v", count: number)) }
        let whole = query { $0.limit = 299 }
        let keys = query {
            $0.limit = 299; $0.keysOnly = true
        }
        let sorted = query {
            $0.sortTarget = .mod; $0.sortOrder = .descend
        }
        for all in [whole, keys, sorted] {
            let header: [UInt8] = [0x0a, 0x00]
            let body = try RangeBody(RangeAnswer.select(all, from: machine.reader), header: header)
            var pulled: [UInt8] = []
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 1)
            defer { unsafe buffer.deallocate() }
            while true {
                let count = try unsafe body.fill(buffer)
                unsafe pulled.append(contentsOf: buffer[..<count])
                if count < piece { break }
            }
            #expect(pulled.count == body.size)
            var whole = header
            let answer = try RangeAnswer.select(all, from: machine.reader)
            try answer.append(to: &whole)
            answer.release()
            #expect(pulled == whole)
        }
    }
}

extension KeyValue {
    func with(_ edit: (inout KeyValue) -> Void) -> KeyValue {
        var copy = self
        edit(&copy)
        return copy
    }
}
