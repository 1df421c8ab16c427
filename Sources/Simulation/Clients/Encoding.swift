import EtcdAPI
import Raft
import Store
import Wire

/// What a member proposes for an operation: an InternalRaftRequest. Field numbers: spec/api.md 4 to 8.
extension Operation {
    /// The entry's data; only for operations that go through the log as normal entries.
    func entry(id: UInt64) -> [UInt8] {
        let (kind, request) = encoded
        var data: [UInt8] = []
        // The span does not outlive `request`.
        unsafe data.appendInternalRaftRequest(kind, request.span.bytes, id: id)
        return data
    }

    private var encoded: (InternalRaftRequest.Kind, [UInt8]) {
        var bytes: [UInt8] = []
        switch self {
        case .put(let put): return (.put, put.encoded)
        case .delete(let span, let wantsPrevious):
            return (.deleteRange, span.deletion(wantsPrevious: wantsPrevious))
        case .transaction(let transaction): return (.txn, transaction.encoded)
        case .compact(let revision):
            bytes.appendField(1, revision)
            return (.compaction, bytes)
        case .grant(let lease, let ttl):
            bytes.appendField(1, ttl)
            bytes.appendField(2, lease)
            return (.leaseGrant, bytes)
        case .revoke(let lease):
            bytes.appendField(1, lease)
            return (.leaseRevoke, bytes)
        case .checkpoint(let lease, let remaining):
            var item: [UInt8] = []
            item.appendField(1, lease)
            item.appendField(2, remaining)
            bytes.appendField(1, always: item)
            return (.leaseCheckpoint, bytes)
        case .attributes(let member, let name):
            var inner: [UInt8] = []
            inner.appendField(1, always: Array(name.utf8))
            bytes.appendField(1, member.rawValue)
            bytes.appendField(2, always: inner)
            return (.clusterMemberAttrSet, bytes)
        case .range, .keepAlive, .change:
            preconditionFailure("not proposed as a normal entry")
        }
    }
}

extension Operation.Put {
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, always: Key.bytes(key))
        bytes.appendField(2, always: value)
        bytes.appendField(3, lease)
        bytes.appendField(4, wantsPrevious)
        return bytes
    }
}

extension Operation.KeySpan {
    fileprivate func append(to bytes: inout [UInt8]) {
        bytes.appendField(1, always: Key.bytes(first))
        if let end { bytes.appendField(2, always: Key.bytes(end)) }
    }

    fileprivate func deletion(wantsPrevious: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        bytes.appendField(3, wantsPrevious)
        return bytes
    }
}

extension Operation.Query {
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        span.append(to: &bytes)
        bytes.appendField(3, UInt64(limit))
        bytes.appendField(4, revision)
        return bytes
    }
}

extension Operation.Txn {
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for compare in compares { bytes.appendField(1, always: compare.encoded) }
        for step in success { bytes.appendField(2, always: step.encoded) }
        for step in failure { bytes.appendField(3, always: step.encoded) }
        return bytes
    }
}

extension Operation.Txn.Compare {
    /// {1 result, 2 target, 3 key, 4 version | 5 create_revision | 6 mod_revision | 7 value}.
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, UInt64(relation.rawValue))
        bytes.appendField(2, UInt64(target.rawValue))
        bytes.appendField(3, always: Key.bytes(key))
        if target == .value {
            bytes.appendField(7, always: value)
        } else {
            bytes.appendField(4 + target.rawValue, always: UInt64(bitPattern: number))
        }
        return bytes
    }
}

extension Operation.Txn.Step {
    /// A RequestOp {1 range, 2 put, 3 delete_range}.
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .range(let query): bytes.appendField(1, always: query.encoded)
        case .put(let put): bytes.appendField(2, always: put.encoded)
        case .delete(let span, let wantsPrevious):
            bytes.appendField(3, always: span.deletion(wantsPrevious: wantsPrevious))
        }
        return bytes
    }
}
