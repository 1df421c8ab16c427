import Logging
import Telemetry

/// The log of one process: where its lines go, and the logger that writes them.
struct DaemonLog: Sendable {
    let logger: Logger
    private let sink: LogSink

    /// Opens the outputs of the configuration; throws when a file cannot be opened.
    init(_ logs: ServerConfiguration.Logs) throws(BootError) {
        let level = LogLevel.threshold(logs.level) ?? .info
        let format = LogFormat(rawValue: logs.format) ?? .json
        let sink: LogSink
        do throws(LogOutputError) {
            sink = try LogSink(logs.outputs)
        } catch {
            throw BootError("\(error)")
        }
        self.sink = sink
        logger = Logger(label: "etcd") { _ in ZapLogHandler(sink: sink, format: format, level: level) }
    }

    /// Waits until the lines so far are written, a second at most: before the process ends.
    func flush() { sink.flush() }
}
