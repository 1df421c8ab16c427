import Glibc

/// Keeps a thread's work below a share of one core: it computes pauses, its owner makes them.
///
///     if try writer.append(…) { let pause = throttle.pause(); if pause > .zero { wait(pause) } }
package struct Throttle: Sendable {
    /// The share of one core, in 0 ..< 1.
    private let share: Double
    /// Wall time owed, in nanoseconds: processor time used / share - wall time passed.
    private var debt: Double = 0
    private var last: (processor: Int64, wall: Int64)?

    /// Idle time counts for at most this, so that a long wait does not excuse a long burst.
    private static let creditMax: Double = 10_000_000

    package init(share: Double) {
        precondition(share > 0 && share < 1)
        self.share = share
    }

    /// How long the calling thread should pause now. Costs two clock calls.
    package mutating func pause() -> Duration {
        pause(processor: Self.now(CLOCK_THREAD_CPUTIME_ID), wall: Self.now(CLOCK_MONOTONIC))
    }

    /// The same from readings of the thread's processor clock and of the wall clock, in nanoseconds; the
    /// first call sets the start.
    mutating func pause(processor: Int64, wall: Int64) -> Duration {
        if let last {
            precondition(processor >= last.processor && wall >= last.wall)
            debt += Double(processor - last.processor) / share - Double(wall - last.wall)
            debt = max(debt, -Self.creditMax)
        }
        last = (processor, wall)
        return .nanoseconds(Int64(max(debt, 0)))
    }

    private static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
