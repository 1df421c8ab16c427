import EtcdClient
import Wire

/// `txn-put`: transactions of several puts, of keys whose numbers follow each other.
package final class TxnPutWorkload: Workload {
    package let kinds = ["txn-put"]
    private var keys: KeySpace
    private var values: Values
    private let operations: UInt64
    private var put: [UInt8] = []
    private var operation: [UInt8] = []

    /// `operations` puts per transaction, at most as many as there are keys.
    package init(keys: KeySpace, values: Values, operations: Int) {
        precondition(operations > 0 && UInt64(operations) <= keys.size, "a transaction's keys differ")
        self.keys = keys
        self.values = values
        self.operations = UInt64(operations)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        let first = keys.number()
        for offset in 0..<operations {
            put.removeAll(keepingCapacity: true)
            put.appendPut(number: (first + offset) % keys.size, &keys, values.draw())
            operation.removeAll(keepingCapacity: true)
            operation.appendField(2, always: put)  // RequestOp.request_put
            request.appendField(2, always: operation)  // TxnRequest.success
        }
        return .txn
    }
}
