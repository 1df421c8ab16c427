import Raft

/// When a snapshot of the state is due (spec/config.md 10): more than `snapshotCount` entries applied
/// since the last, one at a time.
struct SnapshotPolicy {
    private let limits: Replica.Limits
    private let snapshotCount: UInt64
    private var last: LogIndex
    private var isUnderWay = false
    private var isDemanded = false
    private var retryAt: UInt64 = 0

    init(limits: Replica.Limits, last: LogIndex, snapshotCount: UInt64) {
        self.limits = limits
        self.last = last
        self.snapshotCount = snapshotCount
    }

    /// True once for each snapshot that should begin now.
    mutating func isDue(applied: LogIndex, at tick: UInt64) -> Bool {
        if isUnderWay || tick < retryAt { return false }
        let isOverCount = applied > last && applied - last > snapshotCount
        if !isOverCount && !(isDemanded && applied > last) { return false }
        isUnderWay = true
        isDemanded = false
        return true
    }

    /// A received snapshot counts as one taken here.
    mutating func received(_ index: LogIndex) { last = max(last, index) }

    mutating func taken(_ index: LogIndex) {
        isUnderWay = false
        last = max(last, index)
    }

    /// The disk may be full: not again at once.
    mutating func failed(at tick: UInt64) {
        isUnderWay = false
        retryAt = tick + limits.snapshotRetryTicks
    }

    mutating func demand() { isDemanded = true }
}
