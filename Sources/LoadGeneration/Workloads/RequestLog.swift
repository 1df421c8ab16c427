import EtcdClient

/// A recorded load: a line per request, in the order they began.
///
///     <microseconds since the first> <path of the method> <the message, in hexadecimal>
///
/// An empty message is written as `-`. Lines that begin with `#` are skipped.
package struct RequestLog: Sendable {
    package struct Entry: Equatable, Sendable {
        package var microseconds: Int64
        package var method: EtcdClient.Method
        package var message: [UInt8]

        package init(microseconds: Int64, method: EtcdClient.Method, message: [UInt8]) {
            self.microseconds = microseconds
            self.method = method
            self.message = message
        }
    }

    /// Why a text is no log: the line (base 1) and what is wrong with it.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let line: Int
        package let text: String

        init(line: Int, text: String) {
            self.line = line
            self.text = text
        }

        package var description: String { "line \(line): \(text)" }
    }

    package var entries: [Entry] = []

    package init() {}

    package init(text: String) throws(Problem) {
        let methods = Dictionary(uniqueKeysWithValues: EtcdClient.Method.allCases.map { ($0.path, $0) })
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: " ")
            guard parts.count == 3, let time = Int64(parts[0]), time >= entries.last?.microseconds ?? 0 else {
                throw Problem(line: number, text: "expected: microseconds (ascending), path, hexadecimal")
            }
            guard let method = methods[String(parts[1])] else {
                throw Problem(line: number, text: "no method \(parts[1])")
            }
            guard let message = Self.bytes(parts[2]) else {
                throw Problem(line: number, text: "not hexadecimal")
            }
            entries.append(Entry(microseconds: time, method: method, message: message))
        }
    }

    /// The log's line for an entry, with its line feed.
    package static func line(_ entry: Entry) -> String {
        var digits = ""
        for byte in entry.message {
            digits += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return "\(entry.microseconds) \(entry.method.path) \(digits.isEmpty ? "-" : digits)\n"
    }

    package var text: String { entries.map { Self.line($0) }.joined() }

    private static func bytes(_ digits: Substring) -> [UInt8]? {
        if digits == "-" { return [] }
        let utf8 = Array(digits.utf8)
        guard utf8.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: utf8.count, by: 2) {
            guard let high = nibble(utf8[place]), let low = nibble(utf8[place + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// `replay`: the requests of a log, in its order.
package final class ReplayWorkload: Workload {
    package let kinds: [String]
    private let log: RequestLog
    private let kindOfMethod: [EtcdClient.Method: Int]
    private var next = 0
    /// What each client asks.
    private var kindOf: [Int]
    /// By client: it renews a lease, and has not heard that there is one.
    private var awaitsLease: [Bool]

    package init(_ log: RequestLog, clients: Int) {
        self.log = log
        var known: [EtcdClient.Method: Int] = [:]
        var names: [String] = []
        for entry in log.entries where known[entry.method] == nil {
            known[entry.method] = names.count
            names.append("\(entry.method)")
        }
        kinds = names
        kindOfMethod = known
        kindOf = Array(repeating: 0, count: clients)
        awaitsLease = Array(repeating: false, count: clients)
    }

    /// The plan's total is at most the log's count.
    package func begin(_ client: Int, _ request: inout [UInt8]) -> EtcdClient.Method {
        let entry = log.entries[next % log.entries.count]
        next += 1
        kindOf[client] = kindOfMethod[entry.method] ?? 0
        awaitsLease[client] = entry.method == .leaseKeepAlive
        request = entry.message
        return entry.method
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        guard awaitsLease[client] else { return }
        awaitsLease[client] = LeaseKeepAliveWorkload.timeToLive(bytes) <= 0
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        awaitsLease[client] ? .failed(LeaseKeepAliveWorkload.notFound) : .done(kind: kindOf[client])
    }
}
