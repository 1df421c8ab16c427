/// Names one scheduled action; a fired or cancelled timer's name is never used again.
package struct Timer: Hashable, Sendable {
    let sequence: UInt64
}

/// Actions by the time they are due: a binary heap on (time, order of scheduling).
///
/// A cancelled action leaves a gap in the heap which is removed when it comes up; when more than half
/// of the heap is gaps it is rebuilt, so that memory follows the timers that are alive.
/// Invariants: `actions` holds exactly the timers neither fired nor cancelled; the first of the heap is one
/// of them, so that every pass may ask when it is due.
struct TimerQueue {
    private struct Entry {
        let due: MonotonicTime
        let sequence: UInt64
        func isBefore(_ other: Entry) -> Bool { (due, sequence) < (other.due, other.sequence) }
    }

    private var heap: [Entry] = []
    private var actions: [UInt64: () -> Void] = [:]
    private var nextSequence: UInt64 = 0

    var count: Int { actions.count }

    mutating func schedule(at due: MonotonicTime, _ action: @escaping () -> Void) -> Timer {
        let entry = Entry(due: due, sequence: nextSequence)
        nextSequence += 1
        actions[entry.sequence] = action
        heap.append(entry)
        siftUp(heap.count - 1)
        return Timer(sequence: entry.sequence)
    }

    mutating func cancel(_ timer: Timer) {
        guard actions.removeValue(forKey: timer.sequence) != nil else { return }
        if heap.count > 64, heap.count > 2 * actions.count { rebuild() } else { removeGaps() }
    }

    /// When the earliest timer is due.
    var nextDue: MonotonicTime? { heap.first?.due }

    /// Takes the earliest action that is due by `now`; timers of equal time fire in scheduling order.
    mutating func popDue(_ now: MonotonicTime) -> (() -> Void)? {
        guard let first = heap.first, first.due <= now else { return nil }
        let action = actions.removeValue(forKey: first.sequence)
        removeFirst()
        removeGaps()
        return action
    }

    private mutating func removeGaps() {
        while let first = heap.first, actions[first.sequence] == nil { removeFirst() }
    }

    private mutating func rebuild() {
        let alive = heap.filter { actions[$0.sequence] != nil }.sorted { $0.isBefore($1) }
        heap = alive  // a sorted array is a heap
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        if heap.isEmpty { return }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            parent = child
        }
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }
}
