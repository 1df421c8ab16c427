/// Shows the watchers of one event loop what happens, as a cursor over the log of revisions.
///
/// One loop owns it; nothing is locked. `advance` is called when a new revision became visible (a hub without
/// watchers need not be told, `Keyspace.hubsToTell`), when a stream has room again, and again as long as it
/// answers true. It does a bounded piece of work:
/// 1. Synced watchers share one cursor, `nextRevision`: the log is walked once for all of them.
/// 2. Lagging watchers have cursors of their own. They take turns; the log is walked from the cursor of
///    the one whose turn it is, and every other lagging watcher met on the way goes along.
/// Nothing is buffered for a watcher whose stream is full: its place in the log is all that is kept.
///
/// Invariants: every watcher sees each revision from its first on once and in order; all events of one
/// revision for a watcher are delivered together; a synced watcher has seen everything below
/// `max(nextRevision, its first revision)`.
package final class WatchHub {
    /// Limits of one call of `advance`, for each of its two steps.
    package struct Budget: Sendable {
        package var revisions: Int64 = 1000
        /// Bytes of records looked at.
        package var bytes = 1 << 20
        package init() {}
    }

    /// Catch-up events of a watcher are delivered when so many bytes are gathered.
    static let pendingBytesMax = 64 << 10

    let reader: KeyspaceReader
    var watchers: [Watcher?] = []
    /// By slot, what each watches; nil where there is none.
    private var ranges: [KeyRange?] = []
    /// By slot, like `watchers`; empty between scans.
    var pending: [PendingEvents] = []
    private var freeSlots: [Int] = []
    private var generation: UInt64 = 0
    var index = WatcherIndex()
    /// The first revision synced watchers have not seen.
    package internal(set) var nextRevision: Int64 = 0 {
        didSet { floor?.raise(to: nextRevision) }
    }
    /// Nil while there is no watcher.
    private(set) var floor: WatchFloor?
    private let number: Int
    var syncedCount = 0
    /// Slots of lagging watchers in the order of their turns; may hold slots that are not lagging any more.
    var turns: [Int] = []
    var deliveries: [Delivery] = []
    var slotsOfKey: [Int] = []

    /// Events of one watcher, found in a scan and not yet handed over.
    struct Delivery {
        var watcher: WatcherID
        /// The first revision among the events.
        var from: Int64
        /// For the response header.
        var revision: Int64
        var events: WatchEvents
    }

    /// `reader` is the loop's own, and so is the number, below 64 (`Keyspace.hubsToTell`).
    package init(reader: KeyspaceReader, number: Int) {
        self.reader = reader
        self.number = number
    }

    deinit { leave() }

    /// Begins to follow the log, for a first watcher.
    private func join() {
        let floor = reader.makeFloor(hub: number)
        nextRevision = floor.revision
        self.floor = floor
    }

    /// Stops when the last watcher is gone.
    private func leave() {
        guard let floor = floor.take() else { return }
        reader.remove(floor, hub: number)
    }

    package var count: Int { watchers.count - freeSlots.count }

    /// Watchers behind the current revision, those whose stream is full included.
    package var laggingCount: Int { count - syncedCount }

    /// Adds a watcher, and says what the store's revision is, for the answer to the client; a start
    /// revision of 0 means the one after it. A start below the compacted revision is found out by the
    /// next `advance`, so that "created" can leave first (api.md 13.2).
    package func create(_ options: WatchOptions) -> (watcher: WatcherID, current: Int64) {
        precondition(options.startRevision >= 0)
        // First the floor: what comes after the revision that is named now stays there to be seen.
        if floor == nil { join() }
        let current = reader.currentRevision
        let first = options.startRevision == 0 ? current + 1 : options.startRevision
        let slot = freeSlots.popLast() ?? watchers.count
        if slot == watchers.count {
            watchers.append(nil)
            ranges.append(nil)
            pending.append(PendingEvents())
        }
        generation += 1
        let id = WatcherID(slot: slot, generation: generation)
        let isSynced = first >= nextRevision
        watchers[slot] = Watcher(
            id: id, options: options, progress: isSynced ? .synced : .lagging(next: first),
            firstRevision: first)
        ranges[slot] = options.range
        index.insert(slot, options.range)
        if isSynced { syncedCount += 1 } else { turns.append(slot) }
        return (id, current)
    }

    /// Removes a watcher; nothing is delivered to it afterwards. Unknown ids are passed over.
    package func cancel(_ id: WatcherID) {
        guard let watcher = live(id), let range = ranges[id.slot].take() else { return }
        index.remove(id.slot, range)
        if watcher.progress == .synced { syncedCount -= 1 }
        watchers[id.slot] = nil
        freeSlots.append(id.slot)
        if count == 0 { leave() }
    }

    /// Says that the stream of a watcher has room again.
    package func resume(_ id: WatcherID) {
        guard let watcher = live(id), case .blocked(let next) = watcher.progress else { return }
        if next >= nextRevision {
            watchers[id.slot]?.progress = .synced
            syncedCount += 1
        } else {
            watchers[id.slot]?.progress = .lagging(next: next)
            turns.append(id.slot)
        }
    }

    /// The revision up to which all these watchers have seen everything, for the answer to a progress
    /// request; nil when one is behind or waits for a revision of the future, or there is none.
    package func progressRevision(_ ids: some Sequence<WatcherID>) -> Int64? {
        var count = 0
        for id in ids {
            guard let watcher = live(id) else { continue }
            guard isCurrent(watcher) else { return nil }
            count += 1
        }
        return count == 0 ? nil : nextRevision - 1
    }

    /// The revision for a periodic progress response of one watcher (`notifiesProgress`): nil when it is
    /// behind, or had events since the last call. Called once per progress interval.
    package func idleRevision(_ id: WatcherID) -> Int64? {
        guard let watcher = live(id), watcher.notifiesProgress else { return nil }
        defer { watchers[id.slot]?.isIdle = true }
        return watcher.isIdle && isCurrent(watcher) ? nextRevision - 1 : nil
    }

    /// Goes on after the state was replaced by a later one (`Keyspace.replace`): synced watchers that want
    /// revisions from before read on by themselves, or are ended when those are compacted.
    func rejoin(_ floor: WatchFloor) {
        let start = reader.rejoin(floor)
        for slot in watchers.indices {
            guard let watcher = watchers[slot], watcher.progress == .synced else { continue }
            let next = max(nextRevision, watcher.firstRevision)
            guard next < start else { continue }
            watchers[slot]?.progress = .lagging(next: next)
            turns.append(slot)
            syncedCount -= 1
        }
        nextRevision = max(nextRevision, start)
    }

    func live(_ id: WatcherID) -> Watcher? {
        guard watchers.indices.contains(id.slot), let watcher = watchers[id.slot], watcher.id == id else {
            return nil
        }
        return watcher
    }

    /// etcd compares with the start revision as asked for, and 0 ("from now") is never in the future.
    private func isCurrent(_ watcher: Watcher) -> Bool {
        let isFuture = watcher.startRevision > nextRevision - 1
        return watcher.progress == .synced && !isFuture && watcher.firstRevision <= nextRevision
    }
}
