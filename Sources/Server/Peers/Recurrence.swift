import Net

/// Something done at an interval for as long as a condition holds, first one interval after that began.
struct Recurrence {
    private let interval: Duration
    private var due: MonotonicTime?

    /// Zero: never.
    init(every interval: Duration) { self.interval = interval }

    /// Whether it is time; asked at every tick.
    mutating func isDue(at now: MonotonicTime, while condition: Bool) -> Bool {
        guard interval > .zero, condition else {
            due = nil
            return false
        }
        guard let due, now >= due else {
            due = due ?? now + interval
            return false
        }
        self.due = now + interval
        return true
    }
}
