/// The append messages sent to one follower and not yet acknowledged: a sliding window (Raft thesis §10.2.1).
///
/// A ring over a buffer that grows by doubling up to `countMax`, so that an idle follower costs nothing.
struct Inflights {
    private struct Sent {
        var last: LogIndex
        var bytes: Int
    }

    let countMax: Int
    let bytesMax: Int
    private var ring: [Sent] = []
    private var start = 0
    private(set) var count = 0
    private(set) var bytes = 0

    init(countMax: Int, bytesMax: Int) {
        precondition(countMax > 0 && bytesMax > 0)
        self.countMax = countMax
        self.bytesMax = bytesMax
    }

    var isFull: Bool { count == countMax || bytes >= bytesMax }

    /// Notes a message whose newest entry is `last`; requires `!isFull`, and a `last` above all earlier ones.
    mutating func add(last: LogIndex, bytes size: Int) {
        precondition(!isFull)
        if count == ring.count { grow() }
        ring[(start + count) % ring.count] = Sent(last: last, bytes: size)
        count += 1
        bytes += size
    }

    /// Frees every message whose newest entry is at most `index`.
    mutating func free(through index: LogIndex) {
        while count > 0, ring[start].last <= index { freeFirst() }
    }

    /// Frees the oldest message; requires one.
    mutating func freeFirst() {
        precondition(count > 0)
        bytes -= ring[start].bytes
        start = (start + 1) % ring.count
        count -= 1
    }

    mutating func removeAll() {
        start = 0
        count = 0
        bytes = 0
    }

    private mutating func grow() {
        var larger: [Sent] = []
        let capacity = min(max(ring.count * 2, 4), countMax)
        larger.reserveCapacity(capacity)
        for offset in 0..<count { larger.append(ring[(start + offset) % ring.count]) }
        while larger.count < capacity { larger.append(Sent(last: LogIndex(0), bytes: 0)) }
        ring = larger
        start = 0
    }
}
