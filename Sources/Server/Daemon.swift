import Glibc
import HTTP
import Logging
import MVCC
import Net
import Peers
import Services
import Store
import Synchronization
import Telemetry

/// The program `etcd`: from the command line to the last signal.
package enum Daemon {
    /// Runs the command the process was started with; does not return.
    package static func main() -> Never {
        switch StartCommand.parse(.process()) {
        case .print(let text):
            write(text, to: STDOUT_FILENO)
            exit(0)
        case .fail(let failure): fail(failure)
        case .run(let configuration, let notices): run(configuration, notices)
        }
    }

    private static func fail(_ failure: ConfigurationFailure) -> Never {
        if let title = failure.logTitle, let daemonLog = try? DaemonLog(ServerConfiguration.Logs()) {
            log(failure.notices, to: daemonLog.logger)
            // At warn, as etcd does: the exit status says the rest.
            daemonLog.logger.warning("\(title)", metadata: ["error": "\(failure.message)"])
            daemonLog.flush()
        } else {
            write(failure.message + "\n", to: STDERR_FILENO)
        }
        exit(failure.exitCode)
    }

    private static func run(_ configuration: ServerConfiguration, _ notices: [ConfigurationNotice]) -> Never {
        // Before any thread exists, so that all of them leave these signals to this one.
        let signals = Signals()
        let daemonLog: DaemonLog
        do {
            daemonLog = try DaemonLog(configuration.logs)
        } catch {
            write("\(error)\n", to: STDERR_FILENO)
            exit(1)
        }
        let logger = daemonLog.logger
        log(notices, to: logger)
        do {
            let member = try start(configuration, daemonLog)
            let number = signals.wait()
            if !member.ending.isRemoved {
                let name = Signals.name(number)
                logger.info("received signal; shutting down", metadata: ["signal": "\(name)"])
            }
            member.stop()
            logger.info("closed etcd server", metadata: ["name": "\(configuration.member.name)"])
            daemonLog.flush()
            if member.ending.isRemoved { exit(member.ending.exitStatus) }
            signals.raiseAgain(number)
        } catch {
            FatalError(log: daemonLog)("\(error)")
        }
    }

    private static func start(_ configuration: ServerConfiguration, _ log: DaemonLog) throws -> Member {
        let logger = log.logger
        let sockets = try Sockets(configuration.listeners)
        let directory = DataDirectory(
            root: configuration.member.dataDirectory, wal: configuration.member.walDirectory)
        let registry = MetricsRegistry()
        let metrics = ServerMetrics(registry, extensive: configuration.web.extensiveMetrics)
        let booter = Booter(
            configuration: configuration, directory: directory, logger: logger,
            disk: MeasuringDisk(log: metrics.disk), resolve: HostNames.resolve)
        let booted = try booter.boot()
        guard let budget = ConnectionBudget.ofDescriptorLimit() else {
            throw BootError("file descriptor limit is too low: raise LimitNOFILE or ulimit -n above 150")
        }
        let member = try Member(
            configuration: configuration, directory: directory, booted: booted,
            loopCount: Processors.loopCount, log: log, registry: registry, metrics: metrics)
        let feed = MemberFeed(member)
        registry.beforeText { feed.update() }
        let serving = LoopSetup(member: member, sockets: sockets, budget: budget)
        for index in 0..<Processors.loopCount { try serving.startLoop(index) }
        try member.start(booted, peerSockets: sockets.peer, budget: budget) {
            member.ending.serves()
            member.switchboard.tellLoops(.serve)
            logger.info("ready to serve client requests")
            for url in configuration.listeners.clientURLs {
                logger.info("serving client traffic", metadata: ["address": "\(url)"])
            }
            let outcome = ServiceNotifier.ready(socket: environment("NOTIFY_SOCKET"))
            if case .failed(let reason) = outcome {
                logger.warning("failed to notify the init daemon", metadata: ["error": "\(text(of: reason))"])
            }
        }
        return member
    }

    private static func environment(_ name: String) -> String? {
        // The value is copied at once; nothing here changes the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = ArraySlice(text.utf8)
        while !rest.isEmpty {
            // The buffer does not leave the closure.
            let count = unsafe Array(rest).withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func log(_ notices: [ConfigurationNotice], to logger: Logger) {
        for notice in notices {
            var metadata: Logger.Metadata = [:]
            for field in notice.fields { metadata[field.name] = "\(field.value)" }
            logger.log(
                level: notice.level == .warning ? .warning : .info, "\(notice.message)", metadata: metadata)
        }
    }
}
