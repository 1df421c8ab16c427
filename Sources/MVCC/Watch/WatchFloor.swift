import Synchronization

/// Says from which revision on one hub still has to read the log for its synced watchers.
///
/// 1. Revisions 10 and 11 are applied, and a compaction at 11, before a loop comes to look.
/// 2. Its synced watchers have seen everything up to 9. The change at 10 may be superseded now.
/// 3. Deleted, it would be missing in what they see; refused, they would be cancelled, which etcd never
///    does to a watcher that keeps up.
/// So records are deleted only below every floor. Hubs move on within a pass of their loop; one without
/// watchers has no floor.
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

/// Which hubs have watchers, by their numbers: they alone have to be told of new revisions.
///
/// 1. A hub joins, and reads the current revision: its first watcher begins behind it.
/// 2. The writer publishes a revision, and looks who is there.
/// Each does its first step before its second for all others to see, so that one of them finds the other.
struct WatchAudience: ~Copyable {
    private let hubs = Atomic<UInt64>(0)

    func join(_ hub: Int) {
        hubs.bitwiseOr(1 << UInt64(hub), ordering: .sequentiallyConsistent)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    func leave(_ hub: Int) {
        hubs.bitwiseAnd(~(1 << UInt64(hub)), ordering: .relaxed)
    }

    /// A bit for each hub that may not have seen what was published before.
    var present: UInt64 {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return hubs.load(ordering: .relaxed)
    }
}

/// The floors of all hubs that have watchers.
struct WatchFloors {
    private var floors: [WatchFloor] = []

    /// Nil when no hub has watchers.
    var lowest: Int64? { floors.map(\.revision).min() }

    mutating func add(_ floor: WatchFloor) { floors.append(floor) }
    mutating func remove(_ floor: WatchFloor) { floors.removeAll { $0 === floor } }
}
