import EtcdClient
import Raft
import Wire

/// `txn-mixed`: transactions of one range or one put, drawn in a proportion.
package final class TxnMixedWorkload: Workload {
    package let kinds = ["Read", "Write"]
    private var keys: KeySpace
    private var values: Values
    private let read: [UInt8]
    /// Reads in 2^32 operations.
    private let readShare: UInt64
    private var chance: SeededGenerator
    private var kindOf: [Int]
    private var put: [UInt8] = []
    private var operation: [UInt8] = []

    /// `ratio`: reads per write.
    package init(
        keys: KeySpace, values: Values, range: RangeOptions, ratio: Double, clients: Int, seed: UInt64
    ) {
        precondition(ratio >= 0, "a proportion is not negative")
        self.keys = keys
        self.values = values
        var request: [UInt8] = []
        request.appendRange(range)
        var operation: [UInt8] = []
        operation.appendField(1, always: request)  // RequestOp.request_range
        var read: [UInt8] = []
        read.appendField(2, always: operation)  // TxnRequest.success
        self.read = read
        readShare = UInt64(ratio / (1 + ratio) * 4_294_967_296)
        chance = SeededGenerator(seed: seed &+ 2)
        kindOf = Array(repeating: 0, count: clients)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        if chance.next() >> 32 < readShare {
            kindOf[client] = 0
            request += read
            return .txn
        }
        kindOf[client] = 1
        put.removeAll(keepingCapacity: true)
        put.appendPut(&keys, values.draw())
        operation.removeAll(keepingCapacity: true)
        operation.appendField(2, always: put)
        request.appendField(2, always: operation)
        return .txn
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step { .done(kind: kindOf[client]) }
}
