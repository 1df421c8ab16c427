import EtcdAPI
import Raft
import FoundationEssentials
@testable import Store
import SwiftProtobuf
import Testing

/// Evaluation of Txns: the lower half of the table of vectors.md 7.
@Suite struct TransactionTests {
    @Test func `operations see what was done before them, and all get one revision`() throws {
        let machine = try Machine()
        let (revision, response) = try machine.txn(
            txn(then: [put("x", "1"), get("x"), put("y", "2"), del("q"), get("x", "z")]))
        #expect(revision == 2)
        #expect(machine.revision == 2)
        #expect(response.succeeded)
        #expect(response.responses[1].responseRange.kvs.map { text($0.value) } == ["1"])
        #expect(response.responses[1].responseRange.header.revision == 2)
        #expect(response.responses[3].responseDeleteRange.deleted == 0)
        #expect(response.responses[4].responseRange.count == 2)
    }

    @Test func `a header inside carries the revision of its moment`() throws {
        let machine = try Machine()
        try machine.put("a", "1")
        let (_, response) = try machine.txn(
            txn(then: [get("a"), del("missing"), put("b"), get("b"), nested(then: [get("b")])]))
        let headers = response.responses
        #expect(headers[0].responseRange.header.revision == 2)
        #expect(headers[1].responseDeleteRange.header.revision == 2)
        #expect(headers[2].responsePut.header.revision == 3)
        #expect(headers[3].responseRange.header.revision == 3)
        #expect(headers[4].responseTxn.hasHeader)
        #expect(headers[4].responseTxn.header == ResponseHeader())
        #expect(headers[4].responseTxn.responses[0].responseRange.header.revision == 3)
    }

    @Test func `one bad operation leaves everything undone`() throws {
        let machine = try Machine()
        #expect(throws: StoreError.futureRevision) {
            try machine.txn(txn(then: [put("k"), get("x", revision: 1000)]))
        }
        #expect(throws: StoreError.leaseNotFound) {
            try machine.txn(txn(then: [put("m"), put("k", lease: 7)]))
        }
        let ignoring = RequestOp.with {
            $0.requestPut = .with {
                $0.key = .init(bytes("k")); $0.ignoreValue = true
            }
        }
        #expect(throws: StoreError.keyNotFound) { try machine.txn(txn(then: [put("m"), ignoring])) }
        #expect(machine.revision == 1)
        #expect(try machine.range(RangeQuery(key: [0], rangeEnd: [0])).count == 0)
    }

    @Test func `what changes nothing takes no revision`() throws {
        let machine = try Machine()
        try machine.put("a", "1")
        #expect(try machine.txn(txn(then: [del("missing")])).revision == 2)
        #expect(try machine.txn(txn(then: [get("a")])).revision == 2)
        let empty = try machine.txn(txn())
        #expect(empty.revision == 2 && empty.response.succeeded)
    }

    @Test func `nested conditions see the state before the whole Txn`() throws {
        let machine = try Machine()
        let created = compare("n1", .create, .equal, .createRevision(0))
        let (_, response) = try machine.txn(
            txn(then: [
                put("n1"),
                nested([created], then: [put("n2", "created0")], else: [put("n2", "exists")]),
            ]))
        #expect(response.responses[1].responseTxn.succeeded)
        #expect(try machine.value("n2") == "created0")
    }

    @Test(arguments: [
        (compare("missing", .create, .equal, .createRevision(0)), true),
        (compare("missing", .version, .less, .version(1)), true),
        (compare("missing", .lease, .equal, .lease(0)), true),
        (compare("missing", .value, .equal, .value(.init())), false),
        (compare("missing", .value, .notEqual, .value(.init(bytes("x")))), false),
        (compare("m", to: "n", .create, .equal, .createRevision(0)), true),
        (compare("m", to: "n", .value, .notEqual, .value(.init(bytes("x")))), false),
        (compare("x", to: "z", .value, .equal, .value(.init(bytes("1")))), false),
        (compare("x", to: "z", .value, .greater, .value(.init(bytes("0")))), true),
        (compare("x", to: "\0", .version, .equal, .version(1)), true),
        (compare("missing", .version, .equal, .value(.init(bytes("a")))), true),
        (compare("x", .version, .equal, .value(.init(bytes("a")))), false),
        (compare("x", .version, .UNRECOGNIZED(9), .version(7)), true),
        (compare("x", .UNRECOGNIZED(9), .equal, .version(7)), true),
        (compare("x", .UNRECOGNIZED(9), .greater, .version(7)), false),
        (compare("x", .mod, .equal, .modRevision(2)), true),
        (compare("y", .mod, .greater, .modRevision(2)), true),
        (compare("y", .create, .less, .createRevision(3)), false),
        (compare("x", .lease, .equal, .lease(0)), true),
        (compare("x", .value, .equal, nil), false),
    ])
    func `a comparison holds or not`(_ comparison: Compare, _ holds: Bool) throws {
        let machine = try Machine()
        try machine.put("x", "1")
        try machine.put("y", "2")
        #expect(try machine.txn(txn([comparison], then: [get("x")])).response.succeeded == holds)
        #expect(
            try machine.txn(txn([comparison], then: [put("new")], else: [put("new")])).response.succeeded
                == holds)
    }

    @Test func `leases of existing keys are compared`() throws {
        let machine = try Machine()
        try machine.grant(77, ttl: 100)
        try machine.put("k", "v", lease: 77)
        #expect(try machine.txn(txn([compare("k", .lease, .equal, .lease(77))])).response.succeeded)
        #expect(try !machine.txn(txn([compare("k", .lease, .less, .lease(77))])).response.succeeded)
    }

    @Test func `all comparisons must hold`() throws {
        let machine = try Machine()
        let yes = compare("a", .version, .equal, .version(0))
        let no = compare("a", .version, .greater, .version(0))
        #expect(try machine.txn(txn([yes, yes], then: [put("a")])).response.succeeded)
        #expect(try !machine.txn(txn([no, yes], then: [put("b")])).response.succeeded)
    }

    @Test func `previous pairs come back from a Txn`() throws {
        let machine = try Machine()
        try machine.put("k", "old")
        let operations = [
            RequestOp.with {
                $0.requestPut = .with {
                    $0.key = .init(bytes("k")); $0.value = .init(bytes("new")); $0.prevKv = true
                }
            },
            RequestOp.with {
                $0.requestDeleteRange = .with {
                    $0.key = .init(bytes("l")); $0.prevKv = true
                }
            },
        ]
        let response = try machine.txn(txn(then: operations)).response
        #expect(text(response.responses[0].responsePut.prevKv.value) == "old")
        #expect(response.responses[1].responseDeleteRange.prevKvs.isEmpty)
    }

    @Test func `a read-only Txn below the compacted revision is refused`() throws {
        let machine = try Machine()
        for value in ["1", "2", "3"] { try machine.put("k", value) }
        try machine.compact(3)
        #expect(throws: ReadError.refused(.compacted)) { try machine.txn(txn(then: [get("k", revision: 2)])) }
        #expect(
            try text(
                machine.txn(txn(then: [get("k", revision: 3)])).response.responses[0].responseRange.kvs[0]
                    .value) == "2")
    }

    @Test func `a Txn nobody here waits for does the same`() throws {
        let machine = try Machine()
        let id = RequestIDs.Boot(member: MemberID(99), microseconds: 5).issued(0) ? 0 : 5 as UInt64
        let encoded: [UInt8] = try txn(then: [put("a", "1"), get("a"), put("b", "2")]).serializedBytes()
        var data: [UInt8] = []
        unsafe data.appendInternalRaftRequest(.txn, encoded.span.bytes, id: id)
        #expect(try machine.apply([machine.entry(data)]).replies.isEmpty)
        #expect(try machine.value("b") == "2")
    }
}
