import Synchronization

/// A bounded queue into one thread: many push, one drains everything it holds at a time.
///
/// The doorbell is rung only when the queue turns from empty to not empty; as a drain takes all, every
/// element is covered by a ring. A full mailbox refuses (`push` is
/// false) and the sender decides what that means for its caller: backpressure, `too many requests`, close.
///
/// Inlinable, so that other modules use it made for their elements: as it is for any element, a Put asked
/// the runtime 16 times for the type of its array, nearly 9,000 of its 63,000 instructions.
@usableFromInline package final class Mailbox<Element: Sendable>: Sendable {
    /// Protects the elements in their order of arrival; held for an append or a swap only.
    @usableFromInline let elements = Mutex<[Element]>([])
    @usableFromInline let doorbell: Doorbell
    @usableFromInline let capacity: Int

    /// A queue of at most `capacity` elements whose reader waits at `doorbell`.
    package init(doorbell: Doorbell, capacity: Int) {
        precondition(capacity > 0, "a mailbox holds something")
        self.doorbell = doorbell
        self.capacity = capacity
    }

    /// Appends one element; false when the mailbox is full.
    @inlinable @discardableResult
    package func push(_ element: Element) -> Bool {
        let before: Int? = elements.withLock { queue in
            guard queue.count < capacity else { return nil }
            queue.append(element)
            return queue.count - 1
        }
        if before == 0 { doorbell.ring() }
        return before != nil
    }

    /// Nothing is queued; another thread may push meanwhile.
    @inlinable package var isEmpty: Bool { elements.withLock { $0.isEmpty } }

    /// Appends all elements in their order, or none when they do not fit.
    @inlinable @discardableResult
    package func push(contentsOf batch: [Element]) -> Bool {
        if batch.isEmpty { return true }
        let before: Int? = elements.withLock { queue in
            guard queue.count + batch.count <= capacity else { return nil }
            queue.append(contentsOf: batch)
            return queue.count - batch.count
        }
        if before == 0 { doorbell.ring() }
        return before != nil
    }

    /// Swaps everything queued into `batch`, which must be empty; its storage becomes the next queue's,
    /// so that a steady flow allocates nothing. One reader at a time.
    @inlinable package func drain(into batch: inout [Element]) {
        precondition(batch.isEmpty, "a batch is worked off before the next is drained")
        elements.withLock { queue in swap(&queue, &batch) }
    }
}
