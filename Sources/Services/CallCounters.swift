import Synchronization

/// What one loop counted of its calls; plain numbers, touched by that loop only.
struct CallCounters {
    /// Codes 0...16.
    static let codes = 17

    var started = [UInt64](repeating: 0, count: Method.allCases.count)
    var handled = [UInt64](repeating: 0, count: Method.allCases.count * codes)
    var received = [UInt64](repeating: 0, count: Method.allCases.count)
    var sent = [UInt64](repeating: 0, count: Method.allCases.count)
    /// Payload bytes of messages, before gRPC framing.
    var receivedBytes: UInt64 = 0
    var sentBytes: UInt64 = 0
    var clients = ClientVersions()
    /// Streams whose sending or receiving failed, as etcd_network_server_stream_failures_total names them.
    var watchStreamFailures: UInt64 = 0
    var keepAliveStreamFailures: UInt64 = 0
    var leasesExpired: UInt64 = 0
    var slowReadIndexes: UInt64 = 0
    var failedReadIndexes: UInt64 = 0
    /// Selections made for Range, RangeStream and read-only Txns, and Txns of more than one.
    var ranges: UInt64 = 0
    var readTxns: UInt64 = 0
    /// Sent to clients.
    var events: UInt64 = 0
    var leasesRenewed: UInt64 = 0
    /// Proposals that were refused or not answered in time.
    var proposalsFailed: UInt64 = 0
    /// What is open at the moment of publishing.
    var open = OpenCounts()
}

/// Numbers that go up and down, as of the last publishing.
package struct OpenCounts: Sendable {
    /// Proposals that wait for their answer.
    package var proposals = 0
    package var watchStreams = 0
    package var watchers = 0
    /// Watchers behind the current revision.
    package var laggingWatchers = 0

    static func += (sum: inout OpenCounts, more: OpenCounts) {
        sum.proposals += more.proposals
        sum.watchStreams += more.watchStreams
        sum.watchers += more.watchers
        sum.laggingWatchers += more.laggingWatchers
    }
}

/// How many calls came with each value of the `client-api-version` metadata.
struct ClientVersions {
    /// Further different values count as `unknown`, so that no client grows the metrics without bound.
    static let versionsMax = 64

    struct Row {
        var bytes: [UInt8]
        var label: String
        var unary: UInt64 = 0
        var streams: UInt64 = 0
    }

    /// Row 0 is `unknown`: no metadata, or too many different values.
    private(set) var rows = [Row(bytes: [], label: "unknown")]

    /// Counts one call; false when the value is not UTF-8, which etcd refuses.
    mutating func count(_ version: [UInt8]?, isStream: Bool) -> Bool {
        guard let row = row(of: version ?? []) else { return false }
        if isStream { rows[row].streams += 1 } else { rows[row].unary += 1 }
        return true
    }

    /// Clients send one or two values in all, so a search by bytes beats making strings of them.
    private mutating func row(of version: [UInt8]) -> Int? {
        if let known = rows.firstIndex(where: { $0.bytes == version }) { return known }
        guard let label = String(validating: version, as: UTF8.self) else { return nil }
        guard rows.count < Self.versionsMax else { return 0 }
        rows.append(Row(bytes: version, label: label))
        return rows.count - 1
    }
}

/// The call counters of all loops, for the metrics page.
///
/// Each loop counts in plain memory and copies its counters here at its ticks, so counting costs no
/// atomic operation per call and the page is at most one tick old.
package final class CallMetrics: Sendable {
    /// Protects the last published copy of each loop's counters.
    private let published: Mutex<[CallCounters]>

    package init(loops: Int) {
        published = Mutex([CallCounters](repeating: CallCounters(), count: loops))
    }

    func publish(_ counters: CallCounters, loop: Int) {
        published.withLock { $0[loop] = counters }
    }

    /// grpc_server_started_total and the two message counters of one method, and how often it ended with
    /// each code 0...16 (grpc_server_handled_total).
    package struct MethodCounts: Sendable {
        package var method: Method
        package var started: UInt64 = 0
        package var received: UInt64 = 0
        package var sent: UInt64 = 0
        package var handledByCode = [UInt64](repeating: 0, count: CallCounters.codes)
    }

    /// One row per registered method, in the order of `Method.allCases`.
    package func methods() -> [MethodCounts] {
        let loops = published.withLock { $0 }
        return Method.allCases.map { method in
            var counts = MethodCounts(method: method)
            for loop in loops {
                counts.started += loop.started[method.rawValue]
                counts.received += loop.received[method.rawValue]
                counts.sent += loop.sent[method.rawValue]
                for code in 0..<CallCounters.codes {
                    counts.handledByCode[code] += loop.handled[method.rawValue * CallCounters.codes + code]
                }
            }
            return counts
        }
    }

    /// The counters that are not per method.
    package struct Totals: Sendable {
        /// etcd_network_client_grpc_received_bytes_total and _sent_bytes_total.
        package var receivedBytes: UInt64 = 0
        package var sentBytes: UInt64 = 0
        /// etcd_server_client_requests_total{type,client_api_version}.
        package var unaryByVersion: [String: UInt64] = [:]
        package var streamsByVersion: [String: UInt64] = [:]
        /// etcd_network_server_stream_failures_total{Type="receive"} for API watch and lease-keepalive.
        package var watchStreamFailures: UInt64 = 0
        package var keepAliveStreamFailures: UInt64 = 0
        /// etcd_debugging_server_lease_expired_total.
        package var leasesExpired: UInt64 = 0
        package var slowReadIndexes: UInt64 = 0
        package var failedReadIndexes: UInt64 = 0
        /// etcd_mvcc_range_total and etcd_mvcc_txn_total, the part that does not go through the log.
        package var ranges: UInt64 = 0
        package var readTxns: UInt64 = 0
        /// etcd_debugging_mvcc_events_total.
        package var events: UInt64 = 0
        /// etcd_debugging_lease_renewed_total.
        package var leasesRenewed: UInt64 = 0
        /// etcd_server_proposals_failed_total.
        package var proposalsFailed: UInt64 = 0
        package var open = OpenCounts()
    }

    package func totals() -> Totals {
        var totals = Totals()
        for loop in published.withLock({ $0 }) {
            totals.receivedBytes += loop.receivedBytes
            totals.sentBytes += loop.sentBytes
            for row in loop.clients.rows {
                totals.unaryByVersion[row.label, default: 0] += row.unary
                totals.streamsByVersion[row.label, default: 0] += row.streams
            }
            totals.watchStreamFailures += loop.watchStreamFailures
            totals.keepAliveStreamFailures += loop.keepAliveStreamFailures
            totals.leasesExpired += loop.leasesExpired
            totals.slowReadIndexes += loop.slowReadIndexes
            totals.failedReadIndexes += loop.failedReadIndexes
            totals.ranges += loop.ranges
            totals.readTxns += loop.readTxns
            totals.events += loop.events
            totals.leasesRenewed += loop.leasesRenewed
            totals.proposalsFailed += loop.proposalsFailed
            totals.open += loop.open
        }
        return totals
    }
}
