import EtcdClient
import Raft
import Wire

/// `kubernetes`: what an apiserver asks of etcd, in about its proportions: pods are read, listed in pages,
/// created, updated and deleted, and nodes renew their leases, which are objects too. Every write is a
/// transaction on the revision that was last seen (optimistic lock); where that is not the newest any more,
/// the transaction answers with the newest and is tried again.
///
/// The latency of an operation is that of all its requests: the pages of a list, the tries of an update.
package final class KubernetesWorkload: Workload {
    private enum Kind: Int, CaseIterable { case get, list, create, update, delete, lease }

    package let kinds = ["get", "list", "create", "update", "delete", "lease renewal"]
    /// Of 1000 operations. Creations and deletions balance.
    private static let shares: [(kind: Kind, share: UInt64)] = [
        (.get, 150), (.list, 20), (.create, 90), (.update, 340), (.delete, 90), (.lease, 310),
    ]

    private struct Operation {
        var kind = Kind.get
        var object = 0
        /// Of a list.
        var paging = Paging()
        var hasSucceeded = false
    }

    private let registry: KubernetesRegistry
    private let pageSize: Int64
    private let allPods: RangeOptions
    private var values: Values
    private var chance: SeededGenerator
    /// The revision each object was last seen at, 0 where it is gone; pods first, then nodes' leases.
    private var revisions: [Int64]
    private var operations: [Operation]
    /// Writes tried again because somebody else had been there.
    package private(set) var conflicts = 0

    /// `revisions` are those `KubernetesFill` made the registry's objects at.
    package init(
        _ registry: KubernetesRegistry, revisions: [Int64], pageSize: Int64, values: Values, clients: Int,
        seed: UInt64
    ) {
        precondition(revisions.count == registry.count && pageSize > 0, "a revision for each object")
        self.registry = registry
        self.revisions = revisions
        self.pageSize = pageSize
        self.values = values
        chance = SeededGenerator(seed: seed &+ 4)
        var allPods = RangeOptions()
        allPods.key = registry.podPrefix
        allPods.end = RangeOptions.end(ofPrefix: registry.podPrefix)
        self.allPods = allPods
        operations = Array(repeating: Operation(), count: clients)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        var operation = Operation()
        operation.kind = draw()
        let (pods, nodes) = (UInt64(registry.pods), UInt64(registry.nodes))
        operation.object = Int(operation.kind == .lease ? pods + chance.below(nodes) : chance.below(pods))
        operations[client] = operation
        return write(client, &request)
    }

    private func draw() -> Kind {
        var point = chance.below(1000)
        for (kind, share) in Self.shares {
            if point < share { return kind }
            point -= share
        }
        return .get
    }

    /// The request the client's operation has come to.
    private func write(_ client: Int, _ request: inout [UInt8]) -> Method {
        let operation = operations[client]
        switch operation.kind {
        case .get:
            request.appendField(1, always: registry.name(operation.object))
            return .range
        case .list:
            operation.paging.request(of: allPods, pageSize: pageSize, into: &request)
            return .range
        case .create, .update, .delete, .lease:
            writeTransaction(operation, &request)
            return .txn
        }
    }

    private func writeTransaction(_ operation: Operation, _ request: inout [UInt8]) {
        let name = registry.name(operation.object)
        let known = operation.kind == .create ? 0 : revisions[operation.object]
        var compare: [UInt8] = []
        compare.appendField(2, 2 as UInt64)  // target MOD; result EQUAL is 0
        compare.appendField(3, always: name)
        compare.appendField(6, always: UInt64(bitPattern: known))
        request.appendField(1, always: compare)
        var inner: [UInt8] = []
        inner.appendField(1, always: name)
        var success: [UInt8] = []
        if operation.kind == .delete {
            success.appendField(3, always: inner)  // RequestOp.request_delete_range
        } else {
            var put = inner
            put.appendField(2, always: Array(values.draw()))
            success.appendField(2, always: put)
        }
        request.appendField(2, always: success)
        var failure: [UInt8] = []
        failure.appendField(1, always: inner)  // RequestOp.request_range: what is there instead
        request.appendField(3, always: failure)
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        switch operations[client].kind {
        case .get: break
        case .list: operations[client].paging.read(bytes)
        case .create, .update, .delete, .lease: readTransaction(client, bytes)
        }
    }

    private func readTransaction(_ client: Int, _ bytes: borrowing RawSpan) {
        guard let fields = try? Fields(decoding: bytes) else { return }
        let operation = operations[client]
        operations[client].hasSucceeded = fields.number(2) != 0
        if operations[client].hasSucceeded {
            let revision = fields.message(1)?.number(3) ?? 0
            revisions[operation.object] = operation.kind == .delete ? 0 : revision
        } else {
            // The branch of the failure answers one range; the key may be gone.
            let pair = fields.message(3)?.message(1)?.message(2)
            revisions[operation.object] = pair?.number(3) ?? 0
        }
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        let operation = operations[client]
        switch operation.kind {
        case .get: break
        case .list:
            if operation.paging.hasMore { return .ask(write(client, &request)) }
        case .create: break  // there already: an apiserver says so and does not try again
        case .update, .delete, .lease:
            if !operation.hasSucceeded {
                conflicts += 1
                return .ask(write(client, &request))
            }
        }
        return .done(kind: operation.kind.rawValue)
    }
}

/// Writes every object of a `KubernetesWorkload` once; run with as many operations as objects.
package final class KubernetesFill: Workload {
    package let kinds = ["put"]
    private let registry: KubernetesRegistry
    private var values: Values
    private var next = 0
    private var objectOf: [Int]
    /// Of each object, pods first.
    package private(set) var revisions: [Int64]

    package init(_ registry: KubernetesRegistry, values: Values, clients: Int) {
        self.registry = registry
        self.values = values
        objectOf = Array(repeating: 0, count: clients)
        revisions = Array(repeating: 0, count: registry.count)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        request.appendField(1, always: registry.name(next))
        request.appendField(2, always: Array(values.draw()))
        objectOf[client] = next
        next += 1
        return .put
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        guard let fields = try? Fields(decoding: bytes) else { return }
        revisions[objectOf[client]] = fields.message(1)?.number(3) ?? 0
    }
}
