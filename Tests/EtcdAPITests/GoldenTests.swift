import SwiftProtobuf
import Testing

@testable import EtcdAPI

/// Bytes recorded from a real etcd 3.5.30 (spec/vectors.md sections 2, 4 and 5).
@Suite struct `Golden bytes` {
    @Test func `a put entry of a log is read and written as etcd writes it`() throws {
        let recorded: [UInt8] = bytes("220a0a03666f6f1203626172a2060b0883d08ce6a7c0e8d2c701")
        let entry = try InternalRaftRequest(serializedBytes: recorded)
        #expect(entry.put.key.elementsEqual("foo".utf8))
        #expect(entry.put.value.elementsEqual("bar".utf8))
        #expect(entry.header.id >> 48 == 0xc7a5)
        #expect(try entry.serializedBytes() as [UInt8] == recorded)
    }

    @Test func `an alarm entry keeps its empty request`() throws {
        let recorded: [UInt8] = bytes("5200a2060b0883d08ce6a7c0e8d2c701")
        let entry = try InternalRaftRequest(serializedBytes: recorded)
        #expect(entry.hasAlarm)
        #expect(entry.alarm.action == .get)
        #expect(try entry.serializedBytes() as [UInt8] == recorded)
    }

    @Test(arguments: [
        "0a03666f6f1002180220012a03626172", "0a026b311003180320012a027631",
        "0a026c6b1009180920012a026c763098d08ce6a7c0e8d247", "0a026b31",
    ])
    func `a stored record is read and written unchanged`(hex: String) throws {
        let record = try KeyValue(serializedBytes: bytes(hex))
        #expect(try record.serializedBytes() as [UInt8] == bytes(hex))
    }

    @Test func `a stored lease has its granted seconds and no checkpoint`() throws {
        let lease = try Lease(serializedBytes: bytes("0894d08ce6a7c0e8d2471064"))
        #expect(lease.id == 0x47a5_a202_7cc3_2814 && lease.ttl == 100 && lease.remainingTtl == 0)
    }

    @Test func `the attributes a member of 3_5 publishes are read`() throws {
        let path = "/0/members/2ca469edf1cfc7a5/attributes"
        var recorded = bytes("0883d08ce6a7c0e8d2c7011203505554") + [0x1a, UInt8(path.utf8.count)]
        recorded += Array(path.utf8) + [0x22, 2] + Array("{}".utf8)
        recorded += bytes("2800320038004800500058006000680070007800800100")
        let request = try V2Request(serializedBytes: recorded)
        #expect(request.method == "PUT" && request.path == path && request.val == "{}")
    }
}

/// The bytes two hexadecimal digits each.
func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 }
}
