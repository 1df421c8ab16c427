import Net

/// The questions of one loop that an answer from outside must still come for.
///
/// Every waiter has the same time to live (the request timeout), so deadlines expire in the order they
/// were set and a queue of them is enough; a waiter answered early leaves its queue slot behind, which
/// is skipped when its time comes. Bound: the number of calls open at once, plus the expiry driver's
/// batch.
struct Waiters<Waiter> {
    private var waiting: [UInt64: Waiter] = [:]
    private var deadlines: [Deadline] = []
    /// Slots of `deadlines` before this one are used up.
    private var head = 0

    private struct Deadline {
        var time: MonotonicTime
        var id: UInt64
    }

    var count: Int { waiting.count }

    /// `deadline` must not lie before that of an earlier insertion.
    mutating func insert(_ waiter: Waiter, id: UInt64, deadline: MonotonicTime) {
        precondition(deadlines.last.map { $0.time <= deadline } ?? true, "deadlines must not go back")
        waiting[id] = waiter
        deadlines.append(Deadline(time: deadline, id: id))
    }

    /// Takes the waiter out; nil when the answer is late, unknown or of an earlier boot.
    mutating func remove(_ id: UInt64) -> Waiter? { waiting.removeValue(forKey: id) }

    /// Takes out the longest waiting one whose deadline is at or before `now`.
    mutating func removeExpired(now: MonotonicTime) -> Waiter? {
        while head < deadlines.count, deadlines[head].time <= now {
            let id = deadlines[head].id
            head += 1
            if let waiter = waiting.removeValue(forKey: id) { return waiter }
        }
        if head > 4096, head * 2 > deadlines.count {
            deadlines.removeFirst(head)
            head = 0
        }
        return nil
    }

    /// Takes out everything, in no order.
    mutating func removeAll() -> [Waiter] {
        defer {
            waiting.removeAll()
            deadlines.removeAll()
            head = 0
        }
        return Array(waiting.values)
    }
}
