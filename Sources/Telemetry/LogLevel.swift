import Logging

/// The names of levels on the command line and in lines are zap's, a few more than swift-log's.
package enum LogLevel {
    /// The lowest swift-log level that passes a threshold by its command line name; nil: no such name.
    package static func threshold(_ name: String) -> Logger.Level? {
        switch name.lowercased() {
        case "debug": .trace
        case "info", "": .info
        case "warn": .warning
        case "error": .error
        case "dpanic", "panic", "fatal": .critical
        default: nil
        }
    }

    /// The word in a line.
    static func word(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }

    /// syslog's number, for the journal.
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info, .notice: 6
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
