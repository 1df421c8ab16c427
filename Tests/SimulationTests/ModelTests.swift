import Raft
import Store
import Testing

@testable import Simulation

@Suite struct ModelTests {
    private var model = Model(keys: 4, minimumTTL: 2)

    private func put(_ key: Int, _ value: UInt8, lease: Int64 = 0) -> Operation {
        .put(.init(key: key, value: [value], lease: lease, wantsPrevious: true))
    }

    @Test mutating func `puts count revisions and versions, and a deletion begins anew`() {
        same(model.execute(put(1, 7)), .put(revision: 2, previous: nil))
        let first = Pair(key: 1, create: 2, mod: 2, version: 1, value: [7], lease: 0)
        same(model.execute(put(1, 8)), .put(revision: 3, previous: first))
        let second = Pair(key: 1, create: 2, mod: 3, version: 2, value: [8], lease: 0)
        same(
            model.execute(.delete(.init(first: 0, end: 4), wantsPrevious: true)),
            .deleted(revision: 4, count: 1, previous: [second]))
        same(
            model.execute(.delete(.init(first: 0, end: 4), wantsPrevious: true)),
            .deleted(revision: 4, count: 0, previous: []))
        same(model.execute(put(1, 9)), .put(revision: 5, previous: nil))
        #expect(model.state(of: 1, at: 3).value == [8])
        #expect(model.state(of: 1, at: 4).version == 0)
        #expect(model.state(of: 1, at: 5).create == 5)
    }

    @Test mutating func `a transaction is one revision, and none when it changes nothing`() {
        _ = model.execute(put(1, 7))
        let holds = Operation.Txn.Compare(key: 1, relation: .equal, target: .mod, number: 2)
        let query = Operation.Query(span: .init(first: 0, end: 4))
        let transaction = Operation.Txn(
            compares: [holds],
            success: [.put(.init(key: 0, value: [1])), .put(.init(key: 2, value: [2])), .range(query)],
            failure: [.range(query)])
        let answer = model.execute(.transaction(transaction))
        guard case .transaction(3, true, let inner) = answer, case .range(let found)? = inner.last else {
            Issue.record("\(answer)")
            return
        }
        #expect(found.pairs.map(\.mod) == [3, 2, 3])
        let again = model.execute(
            .transaction(.init(compares: [holds, holds], success: [.range(query)], failure: [])))
        #expect(again.revision == 3)
    }

    @Test mutating func `a lease takes its keys with it in one revision`() {
        same(model.execute(put(0, 1, lease: 9)), .refused(.leaseNotFound))
        same(model.execute(.grant(lease: 9, ttl: 1)), .granted(revision: 1, ttl: 2))
        same(model.execute(.grant(lease: 9, ttl: 1)), .refused(.leaseExists))
        _ = model.execute(put(0, 1, lease: 9))
        _ = model.execute(put(1, 1, lease: 9))
        _ = model.execute(put(1, 2))
        same(model.execute(.revoke(lease: 9)), .revoked(revision: 5))
        #expect(model.state(of: 0, at: 5).version == 0)
        #expect(model.state(of: 1, at: 5).version == 2)
        same(model.execute(.revoke(lease: 9)), .refused(.leaseNotFound))
    }

    @Test mutating func `equal states have equal digests, by whatever way they came about`() {
        var other = model
        _ = model.execute(.grant(lease: 9, ttl: 5))
        _ = model.execute(put(0, 1))
        _ = other.execute(put(0, 1))
        #expect(model.digest != other.digest)
        _ = other.execute(.grant(lease: 9, ttl: 5))
        #expect(model.digest == other.digest)
        _ = other.execute(.compact(revision: 2))
        #expect(model.digest != other.digest)
    }
}
