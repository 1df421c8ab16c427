import EtcdAPI
import FoundationEssentials
@testable import Store
import SwiftProtobuf
import Testing
import Wire

/// The table of vectors.md 7, every line of which was run against etcd.
@Suite struct TransactionValidationTests {
    private func refusal(_ request: TxnRequest, maxOperations: Int = 128) throws -> StoreError? {
        let encoded: [UInt8] = try request.serializedBytes()
        let transaction = try unsafe Transaction(decoding: encoded.span.bytes)
        do {
            try unsafe transaction.validate(maxOperations: maxOperations, in: encoded.span.bytes)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        [put("a"), put("a")],
        [put("a"), del("a")],
        [del("a"), put("a")],
        [del("a", "c"), put("b")],
        [put("a"), nested(then: [put("a")])],
        [nested(then: [put("a"), put("a")])],
        [nested(else: [del("a"), put("a")])],
        [nested(then: [put("a")]), nested(then: [put("a")])],
        [nested(then: [put("a")]), nested(else: [put("a")])],
        [nested(then: [del("a")]), put("a")],
        [nested(then: [del("a")]), nested(then: [put("a")])],
        [del("b", "{"), nested(then: [put("z")])],
        [put("a"), nested(then: [nested(else: [put("a")])])],
    ])
    func `a key written twice in one list is refused`(_ operations: [RequestOp]) throws {
        #expect(try refusal(txn(then: operations)) == .duplicateKey)
        #expect(try refusal(txn(else: operations)) == .duplicateKey)
    }

    @Test(arguments: [
        [del("a", "c"), put("c")],
        [del("a"), del("a")],
        [del("a", "d"), del("b", "z")],
        [nested(then: [put("a")], else: [put("a")])],
        [nested(then: [del("a")], else: [put("a")])],
        [del("b", "\0"), nested(then: [put("z")])],
        [nested(then: [put("a")]), nested(then: [del("a")])],
        [put("x"), get("x"), put("y"), del("q"), get("x", "z")],
        [],
    ])
    func `what can do no harm, or what etcd overlooks, is allowed`(_ operations: [RequestOp]) throws {
        #expect(try refusal(txn(then: operations)) == nil)
        #expect(try refusal(txn(else: operations)) == nil)
    }

    @Test func `the two branches of one level may put the same key`() throws {
        #expect(try refusal(txn(then: [put("a")], else: [put("a")])) == nil)
    }

    @Test func `the longest list counts, and nested transactions have what it leaves`() throws {
        func puts(_ count: Int) -> [RequestOp] { (0..<count).map { put("k\($0)") } }
        func more(_ count: Int) -> [RequestOp] { (0..<count).map { put("n\($0)") } }
        #expect(try refusal(txn(then: puts(128))) == nil)
        #expect(try refusal(txn(then: puts(129))) == .tooManyOperations)
        #expect(try refusal(txn(then: puts(63) + [nested(then: more(64))])) == nil)
        #expect(try refusal(txn(then: puts(63) + [nested(then: more(65))])) == .tooManyOperations)
        #expect(try refusal(txn(then: puts(5)), maxOperations: 4) == .tooManyOperations)
        let compares = (0..<5).map { compare("k\($0)", .version, .equal, nil) }
        #expect(try refusal(txn(compares, then: puts(1)), maxOperations: 4) == .tooManyOperations)
    }

    @Test func `empty keys and empty operations are refused`() throws {
        #expect(try refusal(txn([compare("", .version, .equal, nil)])) == .keyNotProvided)
        #expect(try refusal(txn(then: [put("")])) == .keyNotProvided)
        #expect(try refusal(txn(then: [get("")])) == .keyNotProvided)
        #expect(try refusal(txn(else: [del("")])) == .keyNotProvided)
        #expect(try refusal(txn(then: [RequestOp()])) == .keyNotFound)
        let order = RequestOp.with {
            $0.requestRange = .with {
                $0.key = .init([1]); $0.sortOrder = .UNRECOGNIZED(9)
            }
        }
        #expect(try refusal(txn(then: [order])) == .invalidSortOption)
    }

    @Test func `too deep a nesting is malformed and does not exhaust the stack`() throws {
        var deep: [UInt8] = []
        for _ in 0..<2000 {
            var operation: [UInt8] = []
            operation.appendField(4, always: deep)
            deep = []
            deep.appendField(2, always: operation)
        }
        #expect(throws: WireError.self) { try unsafe Transaction(decoding: deep.span.bytes) }
    }

    private func decoded(_ request: TxnRequest) throws -> Transaction {
        let encoded: [UInt8] = try request.serializedBytes()
        return try unsafe Transaction(decoding: encoded.span.bytes)
    }

    @Test func `a Txn is brief while it names a few keys`() throws {
        #expect(try decoded(txn(then: [get("a"), put("b"), del("c")], else: [get("a")])).isBrief)
        #expect(try !decoded(txn(then: [get("a", "b")])).isBrief)
        #expect(try !decoded(txn(then: [put("b")], else: [del("a", "b")])).isBrief)
        #expect(try !decoded(txn(then: [nested(then: [put("a")])])).isBrief)
        #expect(try !decoded(txn(then: (0..<9).map { put("k\($0)") })).isBrief)
        var ranged = Compare()
        (ranged.key, ranged.rangeEnd) = (Data("a".utf8), Data("z".utf8))
        #expect(try !decoded(txn([ranged], then: [put("b")])).isBrief)
    }

    @Test func `a Txn of ranges only is read-only, with a nested Txn it is not`() throws {
        #expect(try decoded(txn(then: [get("a")], else: [get("b")])).isReadOnly)
        #expect(try decoded(txn()).isReadOnly)
        #expect(try decoded(txn()).isSerializable)
        #expect(try !decoded(txn(then: [get("a")])).isSerializable)
        #expect(try !decoded(txn(then: [nested(then: [get("a")])])).isReadOnly)
        #expect(
            try decoded(txn(then: [put("ab", "cde"), nested(then: [put("a", "b")])], else: [put("a", "")]))
                .quotaCost == 519)
    }
}
