/// How a log treats its disk.
package struct LogOptions: Sendable {
    /// When the next segment is made.
    package enum PreparationStyle: Sendable {
        /// By a thread of its own, ahead of need.
        case background
        /// By the save that needs it: for the simulation, which has one thread.
        case onTheSpot
    }

    /// Nominal bytes of a segment, at least 512; etcd's is the default. The save that crosses it cuts, so a
    /// segment is at most this plus one save.
    package var segmentSize: UInt64
    package var preparation: PreparationStyle
    /// `--unsafe-no-fsync`: nothing is synced, a power cut loses acknowledged writes.
    package var unsafeNoFsync: Bool

    /// Whether the log's writes go past the page cache (README.md). Without syncs the cache is faster.
    var bypassesCache: Bool { !unsafeNoFsync }

    package init(
        segmentSize: UInt64 = 64_000_000, preparation: PreparationStyle = .background,
        unsafeNoFsync: Bool = false
    ) {
        precondition(segmentSize >= 512)
        self.segmentSize = segmentSize
        self.preparation = preparation
        self.unsafeNoFsync = unsafeNoFsync
    }
}
