import EtcdClient

/// `put`: one key per request.
package final class PutWorkload: Workload {
    package let kinds = ["put"]
    private var keys: KeySpace
    private var values: Values

    package init(keys: KeySpace, values: Values) {
        self.keys = keys
        self.values = values
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        request.appendPut(&keys, values.draw())
        return .put
    }
}
