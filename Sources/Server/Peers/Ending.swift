import Glibc
import Logging
import Net
import Raft
import Store
import Synchronization

/// How a member that finds itself removed from its cluster ends: the main thread is told as if by a
/// signal. One that served ends with status 0, so that nobody starts it again; one that was removed while
/// it was down has refused to start, and ends with status 1, as it does when its own data say so.
final class Ending: Sendable {
    private let logger: Logger
    private let isRemovalSeen = Atomic(false)
    private let hasServed = Atomic(false)

    /// How long a member that was removed still serves: the others learn meanwhile that it is to go, and who
    /// asked this one for the removal hears that it is done.
    private static let grace: Duration = .seconds(1)

    init(logger: Logger) { self.logger = logger }

    /// Whether the member ends because it was removed.
    var isRemoved: Bool { isRemovalSeen.load(ordering: .acquiring) }

    /// Of the process, where the member `isRemoved`.
    var exitStatus: Int32 { hasServed.load(ordering: .acquiring) ? 0 : 1 }

    /// The cluster knows this run of the member, and its clients are served.
    func serves() { hasServed.store(true, ordering: .releasing) }

    /// The removal was applied here: ends the member in a second.
    func removed(after loop: EventLoop) {
        guard !isRemovalSeen.exchange(true, ordering: .acquiringAndReleasing) else { return }
        report()
        loop.schedule(after: Self.grace) { Ending.wakeMain() }
    }

    /// Another member said so: the removal was applied there, and reaches this one now or never.
    func removed(saidBy id: MemberID, after loop: EventLoop) {
        guard !isRemovalSeen.exchange(true, ordering: .acquiringAndReleasing) else { return }
        logger.warning("told of its removal", metadata: ["by": "\(id.hex)"])
        report()
        loop.schedule(after: Self.grace) { Ending.wakeMain() }
    }

    private func report() {
        logger.warning(
            "server error",
            metadata: ["error": "the member has been permanently removed from the cluster"])
        logger.warning("data-dir used by this member must be removed")
    }

    private static func wakeMain() { kill(getpid(), SIGTERM) }
}
