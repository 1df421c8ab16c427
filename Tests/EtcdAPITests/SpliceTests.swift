import SwiftProtobuf
import Testing
import Wire

@testable import EtcdAPI

@Suite struct `Spliced messages` {
    @Test(arguments: [0, 1, 127, 128, 1 << 35, UInt64.max])
    func `a response header is what the generated encoder writes`(number: UInt64) throws {
        for revision in [0, 1, 300, -1, Int64.max] {
            let response = PutResponse.with {
                $0.header = .with {
                    $0.clusterID = number
                    $0.memberID = ~number
                    $0.revision = revision
                    $0.raftTerm = number
                }
            }
            var spliced: [UInt8] = []
            spliced.appendResponseHeader(
                identity: .responseIdentity(clusterID: number, memberID: ~number), revision: revision,
                raftTerm: number)
            #expect(try response.serializedBytes() as [UInt8] == spliced)
        }
    }

    @Test func `an empty response header stays present`() {
        var spliced: [UInt8] = []
        spliced.appendResponseHeader(identity: [], revision: 0, raftTerm: 0)
        #expect(spliced == [0x0a, 0])
    }

    @Test func `a range response of stored records is what the generated encoder writes`() throws {
        let stored = ["0a03666f6f1002180220012a03626172", "0a026b311003180320012a027631"].map(bytes)
        let response = try RangeResponse.with {
            $0.header = .with {
                $0.clusterID = 7; $0.memberID = 9; $0.revision = 3; $0.raftTerm = 2
            }
            $0.kvs = try stored.map { try KeyValue(serializedBytes: $0) }
            $0.more = true
            $0.count = 6
        }
        var spliced: [UInt8] = []
        spliced.appendResponseHeader(
            identity: .responseIdentity(clusterID: 7, memberID: 9), revision: 3, raftTerm: 2)
        for record in stored { spliced.appendField(RangeResponse.Field.kvs, always: record.span.bytes) }
        spliced.appendField(RangeResponse.Field.more, true)
        spliced.appendField(RangeResponse.Field.count, 6 as Int64)
        #expect(try response.serializedBytes() as [UInt8] == spliced)
    }

    @Test func `a watch response of stored records is what the generated encoder writes`() throws {
        let stored = bytes("0a03666f6f1002180220012a03626172")
        let response = try WatchResponse.with {
            $0.header = .with { $0.revision = 2 }
            $0.watchID = 5
            $0.events = [
                try .with {
                    $0.type = .delete
                    $0.kv = try KeyValue(serializedBytes: bytes("0a03666f6f1803"))
                    $0.prevKv = try KeyValue(serializedBytes: stored)
                }
            ]
        }
        var event: [UInt8] = []
        event.appendField(Event.Field.type, 1 as UInt64)
        event.appendField(Event.Field.kv, always: bytes("0a03666f6f1803").span.bytes)
        event.appendField(Event.Field.prevKv, always: stored.span.bytes)
        var spliced: [UInt8] = []
        spliced.appendResponseHeader(identity: [], revision: 2, raftTerm: 0)
        spliced.appendField(WatchResponse.Field.watchID, 5 as Int64)
        spliced.appendField(WatchResponse.Field.events, always: event.span.bytes)
        #expect(try response.serializedBytes() as [UInt8] == spliced)
    }

    @Test func `a put entry is etcd's to the byte`() {
        var spliced: [UInt8] = []
        spliced.appendInternalRaftRequest(
            .put, bytes("0a03666f6f1203626172").span.bytes, id: 0xc7a5_a202_7cc3_2803)
        #expect(spliced == bytes("220a0a03666f6f1203626172a2060b0883d08ce6a7c0e8d2c701"))
    }

    @Test(arguments: InternalRaftRequest.Kind.allCases)
    func `an entry of any kind decodes to that kind alone and encodes to the same bytes`(
        kind: InternalRaftRequest.Kind
    ) throws {
        var spliced: [UInt8] = []
        spliced.appendInternalRaftRequest(
            kind, [UInt8]().span.bytes, id: 1 << 40, username: Array("alice".utf8), authRevision: 12)
        let entry = try InternalRaftRequest(serializedBytes: spliced)
        #expect(entry.header.id == 1 << 40 && entry.header.username == "alice")
        #expect(entry.header.authRevision == 12)
        #expect(entry.unknownFields.data.isEmpty)
        #expect(try entry.serializedBytes() as [UInt8] == spliced)
    }
}

@Suite struct `Field numbers` {
    /// A message whose only field is an empty one of that number must decode without unknown fields.
    private func isKnown<M: SwiftProtobuf.Message>(_ number: Int, in type: M.Type) throws -> Bool {
        var encoded: [UInt8] = []
        encoded.appendField(number, always: [UInt8]().span.bytes)
        return try M(serializedBytes: encoded).unknownFields.data.isEmpty
    }

    @Test func `the numbers of spliced message fields name message fields`() throws {
        #expect(try isKnown(RangeResponse.Field.kvs, in: RangeResponse.self))
        #expect(try isKnown(RangeStreamResponse.Field.rangeResponse, in: RangeStreamResponse.self))
        #expect(try isKnown(PutResponse.Field.prevKv, in: PutResponse.self))
        #expect(try isKnown(DeleteRangeResponse.Field.prevKvs, in: DeleteRangeResponse.self))
        #expect(try isKnown(TxnResponse.Field.responses, in: TxnResponse.self))
        #expect(try isKnown(WatchResponse.Field.events, in: WatchResponse.self))
        #expect(try isKnown(Event.Field.kv, in: Event.self))
        #expect(try isKnown(LeaderResponse.Field.kv, in: LeaderResponse.self))
        #expect(try !isKnown(5, in: LeaderResponse.self))
    }
}
