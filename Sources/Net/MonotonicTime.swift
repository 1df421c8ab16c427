import CPlatform

/// A moment of CLOCK_MONOTONIC in nanoseconds; it means nothing outside this boot of the machine.
@usableFromInline package struct MonotonicTime: Comparable, Hashable, Sendable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Reads the clock (about 25 ns); inside an event loop `EventLoop.now` is free.
    package static func now() -> MonotonicTime { MonotonicTime(nanoseconds: platform_monotonic_ns()) }

    @inlinable package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    @inlinable package static func == (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds == right.nanoseconds
    }

    /// Saturates: a deadline beyond the end of time (grpc-timeout 99999999H) stays in order.
    package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.saturatedNanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }

    @inlinable package static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }
}

extension Duration {
    /// Whole nanoseconds, held within Int64.
    package var saturatedNanoseconds: Int64 { Int64(clamping: attoseconds / 1_000_000_000) }
}
