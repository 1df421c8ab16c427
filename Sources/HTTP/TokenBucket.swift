import Net

/// So many at once, and so many per second in the long run.
struct TokenBucket {
    private let burst: UInt64
    private let perSecond: UInt64
    private var left: UInt64
    private var filled: MonotonicTime

    init(burst: UInt64, perSecond: UInt64, now: MonotonicTime) {
        self.burst = burst
        self.perSecond = perSecond
        left = burst
        filled = now
    }

    /// Takes one; false when none is left. `now` does not go back.
    mutating func take(_ now: MonotonicTime) -> Bool {
        let seconds = (now - filled) / .seconds(1)
        if seconds >= 1 {
            left = min(burst, left + UInt64(min(seconds, 1e9)) * perSecond)
            filled = now
        }
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}
