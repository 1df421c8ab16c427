import EtcdAPI
import Testing

@testable import Store

@Suite struct ApplyCountsTests {
    @Test func `operations count one by one, also in a Txn, and refusals apart`() throws {
        let machine = try Machine()
        _ = try machine.grant(5, ttl: 60)
        _ = try machine.put("key", "value", lease: 5)
        _ = try machine.put("key", "value", lease: 6)
        _ = try machine.txn(txn(then: [put("a", "1"), get("a"), del("x", "z")]))
        _ = try machine.txn(txn(then: [put("b", "1")]))
        let counts = machine.machine.counts
        #expect([counts.puts, counts.deletes, counts.ranges, counts.txns] == [3, 1, 1, 1])
        #expect(counts.putBytes == 8 + 2 + 2)
        #expect(counts.grantedTTLs == [60])
        let seen = counts.requests.filter { $0.succeeded + $0.failed > 0 }
        #expect(seen.map(\.kind) == [.put, .txn, .leaseGrant])
        #expect(seen.map(\.succeeded) == [1, 2, 1])
        #expect(seen.map(\.failed) == [1, 0, 0])
    }

    @Test func `a taken count begins anew`() throws {
        let machine = try Machine()
        _ = try machine.grant(5, ttl: 60)
        _ = try machine.put("key", "value", lease: 5)
        machine.machine.counts.removeAll()
        let counts = machine.machine.counts
        #expect([counts.puts, counts.putBytes, counts.grantedTTLs.count] == [0, 0, 0])
        #expect(counts.requests.allSatisfy { $0.succeeded == 0 && $0.failed == 0 })
        _ = try machine.put("key", "value")
        machine.machine.counts.removeAll()
        #expect(machine.machine.counts.requests.allSatisfy { $0.succeeded == 0 && $0.failed == 0 })
    }
}
