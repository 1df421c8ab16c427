/// Lease ids by the time something falls due for them; the earliest first (a binary heap).
///
/// Entries are not moved when a lease is renewed: the owner looks at what falls due and puts it back
/// with the time that holds now. So a renewal costs nothing here, and there is one entry per lease.
struct DueQueue {
    struct Item {
        var due: Duration
        var id: Int64

        /// By id where the time is the same: callers fill the queue in the order of dictionaries.
        func precedes(_ other: Item) -> Bool { (due, id) < (other.due, other.id) }
    }

    private var heap: [Item] = []

    var count: Int { heap.count }
    var first: Item? { heap.first }

    mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

    mutating func insert(_ id: Int64, due: Duration) {
        heap.append(Item(due: due, id: id))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest item if it is due at `now`.
    mutating func popDue(at now: Duration) -> Item? {
        guard let first = heap.first, first.due <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return first
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[smallest]) { smallest = child }
            }
            guard smallest != parent else { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
