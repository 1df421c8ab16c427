import EtcdAPI
import HTTP
import MVCC
import Net
import Store
import Wire

/// The unary calls of the Lease service (api.md 14); keep-alives are in KeepAliveStream.
extension LoopServices {
    /// What the quota gate charges for a lease (errors.md 4).
    private static let leaseCost = 64

    func leaseGrant(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let numbers = try? TwoNumbers(decoding: bytes) else {
            return finish(call, .leaseGrant, .malformedRequest)
        }
        guard fitsQuota(cost: Self.leaseCost) else { return refuseForSpace(call, .leaseGrant) }
        if let refusal = proposeGrant(id: numbers.second, ttl: numbers.first, .leaseGrant(call)) {
            finish(call, .leaseGrant, refusal)
        }
    }

    /// Proposes a grant; an id of 0 is replaced by a random positive one.
    func proposeGrant(id: Int64, ttl: Int64, _ waiter: Waiter) -> GRPCStatus? {
        var request: [UInt8] = []
        request.appendField(1, ttl)
        request.appendField(2, id == 0 ? Int64.random(in: 1...Int64.max) : id)
        return propose(.leaseGrant, request, waiter)
    }

    func respondLeaseGrant(_ call: GRPCCall, revision: Int64, id: Int64, ttl: Int64) {
        var message = responses.begin(revision: revision)
        message.appendField(2, id)
        message.appendField(3, ttl)
        respond(call, .leaseGrant, message)
    }

    func leaseRevoke(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard (try? TwoNumbers(decoding: bytes)) != nil else {
            return finish(call, .leaseRevoke, .malformedRequest)
        }
        proposeOrRefuse(call, .leaseRevoke, .leaseRevoke, bytes, .leaseRevoke(call))
    }

    func leaseTimeToLive(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let numbers = try? TwoNumbers(decoding: bytes) else {
            return finish(call, .leaseTimeToLive, .malformedRequest)
        }
        let (id, wantsKeys) = (numbers.first, numbers.second != 0)
        if context.auth.isEnabled, wantsKeys, let refusal = refusalOfKeys(call, lease: id) {
            return finish(call, .leaseTimeToLive, refusal)
        }
        guard context.lessor.isPrimary else {
            return askLeader(.timeToLive(lease: id, wantsKeys: wantsKeys), .timeToLive(call, lease: id))
        }
        respondTimeToLive(
            call, lease: id, context.lessor.timeToLive(id: id, wantsKeys: wantsKeys, at: leaseTime))
    }

    /// Nil: there is no such lease.
    func respondTimeToLive(_ call: GRPCCall, lease id: Int64, _ lease: Lessor.TimeToLive?) {
        var message = responses.begin(revision: context.keyspace.currentRevision)
        message.appendField(2, id)
        message.appendField(3, lease?.remaining ?? -1)
        message.appendField(4, lease?.granted ?? 0)
        for key in lease?.keys ?? [] { message.appendField(5, always: key) }
        respond(call, .leaseTimeToLive, message)
    }

    func leaseLeases(_ call: GRPCCall) {
        var message = responses.begin(revision: context.keyspace.currentRevision)
        for lease in context.lessor.leases() {
            message.appendBytesTag(2)
            message.appendVarint(UInt64(1 + varintSize(UInt64(bitPattern: lease))))
            message.appendField(1, lease)
        }
        respond(call, .leaseLeases, message)
    }

    /// The lessor's time: monotonic, the same origin for every thread.
    var leaseTime: Duration { .nanoseconds(context.clock().nanoseconds) }
}

/// Fields 1 and 2 of a message whose fields are numbers, as the requests of the Lease service are.
package struct TwoNumbers {
    package var first: Int64 = 0
    package var second: Int64 = 0

    package init(decoding bytes: borrowing RawSpan) throws(WireError) {
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            guard case .varint(let value) = field.value else { continue }
            if field.number == 1 { first = Int64(bitPattern: value) }
            if field.number == 2 { second = Int64(bitPattern: value) }
        }
    }
}
