import Net

/// The questions of one loop that an answer from outside must still come for.
///
/// Costs one dictionary entry each and nothing after it is answered: expiry is found by a scan, which is
/// due only when the earliest deadline of the last scan has come, so about once per timeout. Bound: the
/// number of calls open at once, plus the expiry driver's batch.
struct Waiters<Waiter> {
    private var waiting: [UInt64: (waiter: Waiter, deadline: MonotonicTime)] = [:]
    /// No deadline lies before it; nil when nothing waits that was not answered since.
    private var earliest: MonotonicTime?

    var count: Int { waiting.count }

    /// `deadline` must not lie before that of an earlier insertion.
    mutating func insert(_ waiter: Waiter, id: UInt64, deadline: MonotonicTime) {
        waiting[id] = (waiter, deadline)
        if earliest == nil { earliest = deadline }
    }

    /// Takes the waiter out; nil when the answer is late, unknown or of an earlier boot.
    mutating func remove(_ id: UInt64) -> Waiter? { waiting.removeValue(forKey: id)?.waiter }

    /// Takes out those whose deadline is at or before `now`, in no order.
    mutating func removeExpired(now: MonotonicTime) -> [Waiter] {
        guard let due = earliest, due <= now else { return [] }
        let expired = waiting.filter { $0.value.deadline <= now }
        for id in expired.keys { waiting[id] = nil }
        earliest = waiting.values.lazy.map(\.deadline).min()
        return expired.values.map(\.waiter)
    }

    /// Takes out everything, in no order.
    mutating func removeAll() -> [Waiter] {
        defer {
            waiting.removeAll()
            earliest = nil
        }
        return waiting.values.map(\.waiter)
    }
}
