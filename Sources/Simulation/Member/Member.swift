import Backend
import Journal
import Raft
import Replication
import Store

/// One member of a run: its disk and database, which stay, and while it is up, everything else.
final class Member {
    let place: Int
    let id: MemberID
    unowned let cluster: Cluster
    var chance: Chance
    /// The log and the snapshot files.
    var disk = SimulatedDisk()
    /// The database; a real file without syncs, so a crash leaves the last commit, as a synced one would.
    let database: String
    let lock: ProcessLock
    var running: Running?
    var boots = 0
    /// Began with the cluster, or was added later.
    let isFounder: Bool
    /// Added to the cluster, or about to be, and not started yet.
    var isWaiting = false
    /// Kept down by the chase of leaders.
    var isHeld = false
    /// The operator has taken it out of service for good.
    var isRetired = false
    /// Until then its disk is slow.
    var slowUntil = Moment.start
    /// Runs faster than true time by this, in millionths.
    let skew: Int64
    let clockOffset: UInt64

    static let logDirectory = "/wal"
    static let snapshotDirectory = "/snap"
    static let clusterID: UInt64 = 0xc1
    /// Where a reboot's clock begins; far from 0, so that no term of arithmetic hides.
    private static let clockOrigin: UInt64 = 1_000_000_000_000

    init(place: Int, cluster: Cluster, isFounder: Bool, chance: Chance) throws {
        self.place = place
        self.cluster = cluster
        self.isFounder = isFounder
        self.chance = chance
        id = Member.id(of: place)
        database = cluster.directory.path + "/db-\(place)"
        lock = try ProcessLock(database: database)
        let permille = Int64(cluster.scenario.skewPermille)
        skew = permille == 0 ? 0 : Int64(self.chance.between(0, UInt64(2000 * permille))) - 1000 * permille
        clockOffset = self.chance.between(0, 1_000_000_000)
        try disk.createDirectory(Member.snapshotDirectory)
        try disk.syncDirectory("/")
    }

    /// Ids differ in their low 16 bits, which request ids carry.
    static func id(of place: Int) -> MemberID { MemberID(UInt64(0x1001 * (place + 1))) }

    /// Microseconds on the member's clock.
    func clock(at moment: Moment) -> UInt64 {
        let drift = Int64(moment.microseconds) / 1_000_000 * skew
        return Member.clockOrigin + clockOffset + UInt64(Int64(moment.microseconds) + drift)
    }

    /// The lessor's time.
    var leaseTime: Duration { .microseconds(Int64(clock(at: cluster.now))) }

    /// A tick of the member's clock, in true time.
    var tickInterval: UInt64 { UInt64(Int64(cluster.scenario.tick) * (1_000_000 - skew) / 1_000_000) }

    /// How long the disk takes for a write of the log.
    func syncTime() -> UInt64 {
        let slow = cluster.now < slowUntil ? chance.between(20_000, 600_000) : 0
        return slow + chance.skewed(20, cluster.scenario.syncTime)
    }

    /// Whether events of this start still mean something.
    func lives(_ boot: BootID) -> Running? {
        guard let running, running.boot == boot else { return nil }
        return running
    }

    /// Plans an event of this start.
    func plan(_ event: Event, in delay: UInt64) { cluster.queue.add(event, at: cluster.now + delay) }
}
