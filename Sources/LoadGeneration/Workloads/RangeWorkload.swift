import EtcdClient

/// How a range is asked for.
package enum RangeForm: Equatable, Sendable {
    /// One answer.
    case whole
    /// RangeStream: one answer in chunks (3.7).
    case stream
    /// Pages of so many keys, one after the other; the operation is all of them.
    case pages(of: Int64)
}

/// `range`: the same range again and again.
package final class RangeWorkload: Workload {
    package let kinds = ["range"]
    private let options: RangeOptions
    private let form: RangeForm
    private let request: [UInt8]
    /// By client, where pages are read.
    private var pagings: [Paging]

    package init(_ options: RangeOptions, _ form: RangeForm = .whole, clients: Int = 1) {
        self.options = options
        self.form = form
        var request: [UInt8] = []
        request.appendRange(options)
        self.request = request
        pagings = Array(repeating: Paging(), count: clients)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        switch form {
        case .whole:
            request += self.request
            return .range
        case .stream:
            request += self.request
            return .rangeStream
        case .pages(let size):
            pagings[client] = Paging()
            pagings[client].request(of: options, pageSize: size, into: &request)
            return .range
        }
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        if case .pages = form { pagings[client].read(bytes) }
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        guard case .pages(let size) = form, pagings[client].hasMore else { return .done(kind: 0) }
        pagings[client].request(of: options, pageSize: size, into: &request)
        return .ask(.range)
    }
}
