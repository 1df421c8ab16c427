/// Names a watcher of one hub; never used again for another.
@usableFromInline package struct WatcherID: Hashable, Sendable, BitwiseCopyable {
    /// Small; taken again by another watcher when this one is gone.
    @usableFromInline package var slot: Int
    @usableFromInline var generation: UInt64

    @inlinable package static func == (left: WatcherID, right: WatcherID) -> Bool {
        left.slot == right.slot && left.generation == right.generation
    }
}

/// What a watcher wants to see.
package struct WatchOptions: Sendable, Equatable {
    package var range: KeyRange
    /// Inclusive; 0 is from the next revision on. May lie in the future. Never negative (the API refuses
    /// that before).
    package var startRevision: Int64
    /// Off: filter NOPUT.
    package var wantsPuts = true
    /// Off: filter NODELETE.
    package var wantsDeletes = true
    /// Each event carries the pair it replaced, unless that was compacted.
    package var wantsPrevious = false
    /// Takes part in `WatchHub.idleRevision`.
    package var notifiesProgress = false

    package init(range: KeyRange, startRevision: Int64 = 0) {
        self.range = range
        self.startRevision = startRevision
    }
}

/// Where a watcher stands.
///
///     create ──▶ synced ──(stream full)──▶ blocked ──resume──▶ lagging ──▶ synced
///        └─────▶ lagging ─(stream full)──▶ blocked
///
/// A compaction above the next revision of a lagging watcher ends it.
///
/// Without its range, which the hub keeps apart: a watcher is looked at for each event, and a copy of it must
/// touch no memory elsewhere.
struct Watcher: BitwiseCopyable {
    enum Progress: Equatable, BitwiseCopyable {
        /// Follows the hub's own cursor.
        case synced
        /// Reads the log by itself from `next` on.
        case lagging(next: Int64)
        /// Waits for room in its stream; has seen everything below `next`.
        case blocked(next: Int64)
    }

    let id: WatcherID
    private let wantsPuts: Bool
    private let wantsDeletes: Bool
    let wantsPrevious: Bool
    let notifiesProgress: Bool
    /// As asked for: 0 is from the next revision on.
    let startRevision: Int64
    var progress: Progress
    /// Revisions below are not shown.
    let firstRevision: Int64
    /// Nothing was delivered since the last question for progress.
    var isIdle = true

    init(id: WatcherID, options: WatchOptions, progress: Progress, firstRevision: Int64) {
        self.id = id
        wantsPuts = options.wantsPuts
        wantsDeletes = options.wantsDeletes
        wantsPrevious = options.wantsPrevious
        notifiesProgress = options.notifiesProgress
        startRevision = options.startRevision
        self.progress = progress
        self.firstRevision = firstRevision
    }

    func wants(isTombstone: Bool) -> Bool { isTombstone ? wantsDeletes : wantsPuts }
}

/// Events of a watcher gathered in the scan under way. Kept apart from `Watcher`, so that looking at a
/// watcher shares no buffer that is being appended to (each event would then copy all before it).
struct PendingEvents {
    var events = WatchEvents()
    /// The first and the last revision among them.
    var from: Int64 = 0
    var to: Int64 = 0
}
