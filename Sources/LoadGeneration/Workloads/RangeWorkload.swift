import EtcdClient

/// `range`: the same request again and again.
package final class RangeWorkload: Workload {
    package let kinds = ["range"]
    private let request: [UInt8]

    package init(_ options: RangeOptions) {
        var request: [UInt8] = []
        request.appendRange(options)
        self.request = request
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        request = self.request  // shared, not copied
        return .range
    }
}
