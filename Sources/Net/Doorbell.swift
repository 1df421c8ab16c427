import CPlatform
import Synchronization

/// Wakes one thread that may be asleep, and costs an atomic exchange when it is not.
///
/// States and who moves them:
///
///     awake ──(owner, about to sleep)──▶ asleep ──(ring: writes the eventfd)──▶ rung
///       └──────────(ring: no system call)──────────────────────────────────────▶ rung
///     rung, asleep ──(owner, awake again)──▶ awake
///
/// The owner returns to `awake` before it looks at its mailboxes, so what is pushed after it looked
/// rings again: no wake-up is lost. Any thread may ring; one thread owns and waits.
@usableFromInline package final class Doorbell: Sendable {
    private enum State {
        static let awake: UInt8 = 0
        static let asleep: UInt8 = 1
        static let rung: UInt8 = 2
    }

    private let state = Atomic<UInt8>(State.awake)
    private let event: Descriptor

    package init() throws(NetError) {
        event = Descriptor(owning: try checked("eventfd", platform_eventfd_create()))
    }

    /// Wakes the owner, now or as soon as it wants to sleep. Any thread.
    @usableFromInline package func ring() {
        if state.exchange(State.rung, ordering: .acquiringAndReleasing) == State.asleep {
            let result = platform_eventfd_ring(event.number)
            precondition(result == 0, "an eventfd of ours takes a write")
        }
    }

    /// Sleeps until rung or until `timeout` has passed (nil: for ever); true when rung. Owner only.
    @discardableResult
    package func wait(timeout: Duration? = nil) -> Bool {
        if beginSleep() {
            _ = platform_eventfd_wait(event.number, timeout.map { max(0, $0.saturatedNanoseconds) } ?? -1)
        }
        return endSleep()
    }

    /// Says that the owner is about to sleep; false when it was rung and must not.
    func beginSleep() -> Bool {
        state.compareExchange(
            expected: State.awake, desired: State.asleep, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Says that the owner is awake; true when it was rung since it last was.
    func endSleep() -> Bool {
        state.exchange(State.awake, ordering: .acquiringAndReleasing) == State.rung
    }

    /// The eventfd, which an event loop watches edge-triggered and so never has to read.
    var descriptorNumber: Int32 { event.number }
}
