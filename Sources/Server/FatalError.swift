import Glibc
import Logging

/// Ends the process when the member can no longer keep its promises.
struct FatalError: Sendable {
    private let log: DaemonLog

    init(log: DaemonLog) { self.log = log }

    /// Logs and exits with status 1; no reply that depends on what failed has left.
    func callAsFunction(_ message: String, file: String = #fileID, line: UInt = #line) -> Never {
        log.logger.critical("\(message)", file: file, function: #function, line: line)
        log.flush()
        // Not exit: other threads still run and must not meet the remains of a process.
        _exit(1)
    }
}
