import Glibc

/// The time of day, for ids and texts only; nothing is timed by it.
enum WallTime {
    /// Microseconds since 1970.
    static func microseconds() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1000
    }
}
