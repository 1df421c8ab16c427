/// A moment of a run, in simulated microseconds since its start.
struct Moment: Comparable, Hashable {
    var microseconds: UInt64

    init(_ microseconds: UInt64) { self.microseconds = microseconds }

    static let start = Moment(0)
    static func < (a: Moment, b: Moment) -> Bool { a.microseconds < b.microseconds }
    static func + (a: Moment, microseconds: UInt64) -> Moment { Moment(a.microseconds + microseconds) }
    /// Microseconds from `b` to `a`; 0 when `a` comes first.
    static func - (a: Moment, b: Moment) -> UInt64 {
        a.microseconds > b.microseconds ? a.microseconds - b.microseconds : 0
    }
}

/// What is going to happen, by time; what falls on the same moment happens in the order it was planned.
///
/// A binary heap of small keys; the events themselves lie still in `slots`.
struct EventQueue {
    private struct Key {
        var at: UInt64
        var order: UInt64
        var slot: Int

        func precedes(_ other: Key) -> Bool { at != other.at ? at < other.at : order < other.order }
    }

    private var heap: [Key] = []
    private var slots: [Event?] = []
    private var free: [Int] = []
    private var order: UInt64 = 0

    var count: Int { heap.count }

    mutating func add(_ event: consuming Event, at moment: Moment) {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(event) } else { slots[slot] = event }
        order += 1
        let key = Key(at: moment.microseconds, order: order, slot: slot)
        heap.append(key)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard key.precedes(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = key
    }

    /// Takes out the next event; nil when nothing is planned.
    mutating func next() -> (at: Moment, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty { sink(last) }
        free.append(first.slot)
        guard let event = slots[first.slot].take() else { preconditionFailure("an empty slot was planned") }
        return (Moment(first.at), event)
    }

    private mutating func sink(_ key: Key) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(key) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = key
    }
}
