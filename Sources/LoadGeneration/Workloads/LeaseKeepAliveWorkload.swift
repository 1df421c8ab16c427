import EtcdClient
import Wire

/// `lease-keepalive`: one lease per client, kept alive by a stream of one request each time, as
/// clientv3's KeepAliveOnce does it.
package final class LeaseKeepAliveWorkload: Workload {
    package let kinds = ["lease-keepalive"]
    private let requests: [[UInt8]]

    /// `leases`: those of the clients, granted.
    package init(leases: [Int64]) {
        requests = leases.map { lease in
            var request: [UInt8] = []
            request.appendField(1, lease)
            return request
        }
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        request += requests[client]
        return .leaseKeepAlive
    }
}

/// Grants every client a lease; run once by as many clients as operations.
package final class LeaseGrantWorkload: Workload {
    package let kinds = ["lease-grant"]
    /// By client; 0 where none was granted.
    package private(set) var leases: [Int64]
    private let request: [UInt8]

    /// `timeToLive`: seconds.
    package init(clients: Int, timeToLive: Int64 = 100) {
        leases = Array(repeating: 0, count: clients)
        var request: [UInt8] = []
        request.appendField(1, timeToLive)
        self.request = request
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        request += self.request
        return .leaseGrant
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        guard let fields = try? Fields(decoding: bytes) else { return }
        leases[client] = fields.number(2)  // LeaseGrantResponse.ID
    }
}
