import EtcdClient
import LoadGeneration
import Terminal

/// Writes a load down as it runs, in a form `replay` reads.
final class Recorder {
    private let file: TextFile
    private var first: Int64?

    init(_ path: String) throws {
        file = try TextFile(path)
        file.add("# microseconds method message\n")
    }

    /// A request that began at `nanoseconds` of the monotonic clock, of one load or of several in turn.
    func add(_ nanoseconds: Int64, _ method: EtcdClient.Method, _ message: [UInt8]) {
        let start = first ?? nanoseconds
        first = start
        file.add(
            RequestLog.line(
                RequestLog.Entry(
                    microseconds: (nanoseconds - start) / 1000, method: method, message: message)))
    }

    func finish() throws { try file.finish() }
}
