import EtcdClient
import HTTP
import Wire

/// `lease-keepalive`: one lease per client, kept alive by a stream of one request each time, as
/// clientv3's KeepAliveOnce does it: an answer without time to live says that there is no such lease.
package final class LeaseKeepAliveWorkload: Workload {
    package let kinds = ["lease-keepalive"]
    private let requests: [[UInt8]]
    /// By client: its lease has time to live.
    private var isAlive: [Bool]

    static let notFound = GRPCStatus(.notFound, "etcdserver: requested lease not found")

    /// `leases`: those of the clients, granted.
    package init(leases: [Int64]) {
        requests = leases.map { lease in
            var request: [UInt8] = []
            request.appendField(1, lease)
            return request
        }
        isAlive = Array(repeating: false, count: leases.count)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        request += requests[client]
        isAlive[client] = false
        return .leaseKeepAlive
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        isAlive[client] = Self.timeToLive(bytes) > 0
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        isAlive[client] ? .done(kind: 0) : .failed(Self.notFound)
    }

    /// Of a LeaseKeepAliveResponse, seconds.
    static func timeToLive(_ bytes: borrowing RawSpan) -> Int64 {
        var cursor = WireCursor()
        while let field = try? cursor.next(in: bytes) {
            if field.number == 3, case .varint(let seconds) = field.value {
                return Int64(bitPattern: seconds)
            }
        }
        return 0
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
