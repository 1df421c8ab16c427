import Synchronization

/// Says from which revision on one hub still has to read the log for its synced watchers.
///
/// 1. Revisions 10 and 11 are applied, and a compaction at 11, before a loop comes to look.
/// 2. Its synced watchers have seen everything up to 9. The change at 10 may be superseded now.
/// 3. Deleted, it would be missing in what they see; refused, they would be cancelled, which etcd never
///    does to a watcher that keeps up.
/// So records are deleted only below every floor. Hubs move on within a pass of their loop.
package final class WatchFloor: Sendable {
    private let next: Atomic<Int64>
    /// The hub's thread alone changes and reads it.
    private let joined: Atomic<Int>

    init(_ revision: Int64, succession: Int) {
        next = Atomic(revision)
        joined = Atomic(succession)
    }

    /// The replacement of the state (`Succession`) that the hub knows of.
    var succession: Int { joined.load(ordering: .relaxed) }
    func join(_ succession: Int) { joined.store(succession, ordering: .relaxed) }

    /// The first revision still to be read.
    var revision: Int64 { next.load(ordering: .acquiring) }

    /// The hub has read everything below `revision`. Only upwards.
    func raise(to revision: Int64) { next.store(revision, ordering: .releasing) }
}

/// The floors of all hubs.
struct WatchFloors {
    private var floors: [WatchFloor] = []

    /// Nil when there is no hub.
    var lowest: Int64? { floors.map(\.revision).min() }

    mutating func add(_ floor: WatchFloor) { floors.append(floor) }
    mutating func remove(_ floor: WatchFloor) { floors.removeAll { $0 === floor } }
}
