import EtcdClient
import Net

/// Puts of keys that are watched. A value begins with the time it was asked at (monotonic, 8 bytes
/// little-endian), which an event brings back.
package final class WatchedPutWorkload: Workload {
    /// Bytes of the time.
    package static let valueSizeMin = 8

    package let kinds = ["put"]
    private var keys: KeySpace
    private var values: Values
    /// Watchers by the number of the key.
    private let watchers: [Int]
    private var expectedOf: [Int]
    /// Events that the puts answered so far bring in all.
    package private(set) var expected = 0

    /// `watchers`: how many watch each key; keys beyond are watched by nobody.
    package init(keys: KeySpace, values: Values, watchers: [Int], clients: Int) {
        self.keys = keys
        self.values = values
        self.watchers = watchers
        expectedOf = Array(repeating: 0, count: clients)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        let number = keys.number()
        expectedOf[client] = number < UInt64(watchers.count) ? watchers[Int(number)] : 0
        let value = values.draw()
        let now = MonotonicTime.now().nanoseconds
        var stamped = (0..<8).map { UInt8(truncatingIfNeeded: now >> (8 * $0)) }
        stamped += value.dropFirst(8)
        request.appendPut(number: number, &keys, stamped[...])
        return .put
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        expected += expectedOf[client]
        return .done(kind: 0)
    }
}

extension SizeDistribution {
    /// The smallest that is asked for; an exponential one asks for a mean.
    package var smallest: Int {
        switch self {
        case .fixed(let size), .exponential(let size): size
        case .uniform(let range): range.lowerBound
        case .list(let sizes, _): sizes.min() ?? 0
        }
    }
}
