import Logging

/// The swift-log backend of the daemon: zap's lines into a `LogSink`.
package struct ZapLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level
    private let format: LogFormat
    private let sink: LogSink
    private let now: @Sendable () -> LogTime

    package init(sink: LogSink, format: LogFormat, level: Logger.Level) {
        self.init(sink: sink, format: format, level: level, now: LogTime.now)
    }

    init(sink: LogSink, format: LogFormat, level: Logger.Level, now: @escaping @Sendable () -> LogTime) {
        self.sink = sink
        self.format = format
        self.logLevel = level
        self.now = now
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Formats on the caller's thread and leaves the line to the sink's; never waits for a file.
    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        if let error = event.error { fields["error"] = .string(String(describing: error)) }
        let line = LogLine(
            level: event.level, time: now(), caller: "\(event.file):\(event.line)",
            message: event.message.description, fields: fields)
        sink.write(format.line(line), event.level)
    }
}
