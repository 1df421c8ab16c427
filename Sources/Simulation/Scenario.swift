import Raft
import Replication

/// What kind of a run a seed stands for: how many take part, how wild it gets, which rare paths are common.
///
/// Limits that would be reached after hours of production are drawn small in most runs, site by site, so that
/// every path is walked often (FoundationDB's buggify). Times are in microseconds.
struct Scenario {
    let seed: UInt64
    var voters: Int
    var clients: Int
    var watchers: Int
    var keys: Int
    /// Members that may exist in the course of a run, removed ones included.
    var membersMax = 9

    // Time.
    var tick: UInt64 = 100_000
    var electionTicks: UInt64 = 10
    var wildTime: UInt64
    /// Long enough for unlucky elections: without pre-vote, members that lack entries and campaign first
    /// set the others' clocks back, again and again (10 s have been seen).
    var calmTime: UInt64 = 20_000_000
    /// Between two calls of a client, at most.
    var thinkTime: UInt64
    /// Members' clocks run off by this at most.
    var skewPermille: UInt64 = 0

    // Network.
    /// Messages of one link arrive in the order in which they were sent, as over the streams of peers.
    var isOrdered: Bool
    var lossPermille: Int
    var duplicatePermille: Int
    var delayMin: UInt64 = 100
    var delayMax: UInt64
    /// Messages delayed by up to `lateMax` besides.
    var latePermille: Int
    var lateMax: UInt64 = 400_000

    // Disk and threads.
    var syncTime: UInt64
    var applyTime: UInt64
    var flushInterval: UInt64
    var segmentSize: UInt64
    var blockedWatchPermille: Int

    // Torments: a mean number of each per run.
    var tormentInterval: UInt64
    var torments: [Torment]
    /// A member crashes right after it has granted a vote or asked for one, acknowledged an append, or sent
    /// entries to one of its followers.
    var crashAfterVotePermille: Int
    var crashAfterAcceptPermille: Int
    var crashAfterAppendPermille: Int
    /// Leaders are struck in the order of figure 8 of the Raft paper, and little else goes wrong.
    var chasesLeaders = false
    /// Between two changes of the membership, at most; 0: there are none.
    var changeInterval: UInt64
    var isPreVoting: Bool

    // Limits of the members.
    var snapshotCount: UInt64
    var node = Node.Limits()
    var replica = Replica.Limits()
    var snapshotsMax = 2
    var walsMax = 2

    var electionTimeout: UInt64 { tick * electionTicks }
    var minimumTTL: Int64 { 2 }
    var ttlMax: Int64 { 9 }

    init(seed: UInt64) {
        self.seed = seed
        var chance = Chance(seed: seed)
        voters = chance.pick([1, 3, 3, 3, 3, 5])
        clients = 2 + chance.below(7)
        watchers = 1 + chance.below(4)
        keys = 3 + chance.below(20)
        wildTime = chance.between(8, 20) * 1_000_000
        thinkTime = chance.pick([2_000, 10_000, 40_000])
        skewPermille = chance.pick([0, 5, 20])
        isOrdered = chance.happens(600)
        lossPermille = chance.pick([0, 5, 20, 100])
        duplicatePermille = chance.pick([0, 10, 50])
        delayMax = chance.pick([500, 2_000, 20_000])
        latePermille = chance.pick([0, 5, 50])
        syncTime = chance.pick([100, 1_000, 10_000])
        applyTime = chance.pick([10, 200, 5_000])
        flushInterval = chance.pick([5_000, 100_000, 400_000])
        segmentSize = chance.pick([2 << 10, 8 << 10, 64 << 10])
        blockedWatchPermille = chance.pick([0, 100, 500])
        tormentInterval = chance.pick([150_000, 400_000, 1_000_000])
        torments = Torment.allCases.filter { _ in chance.happens(600) }
        crashAfterVotePermille = chance.pick([0, 0, 50, 200])
        crashAfterAcceptPermille = chance.pick([0, 0, 0, 2])
        crashAfterAppendPermille = chance.pick([0, 0, 0, 2])
        changeInterval = chance.pick([0, 0, 300_000, 2_000_000])
        isPreVoting = !chance.happens(200)
        snapshotCount = chance.pick([20, 100, 1_000])
        if chance.happens(300) { makeTurbulent(&chance) }
        drawLimits(&chance)
        if chasesLeaders { makeChase() }
    }

    /// Little work and much strife: many terms in one run, for what only a certain order of leaders shows.
    private mutating func makeTurbulent(_ chance: inout Chance) {
        wildTime = chance.between(40, 80) * 1_000_000
        thinkTime = 200_000
        clients = min(clients, 4)
        tormentInterval = chance.pick([50_000, 150_000, 300_000])
        crashAfterVotePermille = chance.pick([50, 200])
        crashAfterAcceptPermille = chance.pick([0, 5, 20])
        crashAfterAppendPermille = chance.pick([0, 20, 100])
        voters = chance.pick([3, 3, 5])
        electionTicks = chance.pick([3, 5])
        chasesLeaders = chance.happens(200)
    }

    private mutating func makeChase() {
        torments = []
        crashAfterVotePermille = 0
        crashAfterAcceptPermille = 0
        crashAfterAppendPermille = 0
        changeInterval = 0
        // Entries of two terms travel in messages of their own only then.
        node.messageBytesMax = 1
    }

    private mutating func drawLimits(_ chance: inout Chance) {
        if chance.happens(500) { node.messageBytesMax = chance.pick([1, 200, 2_000]) }
        if chance.happens(500) { node.inflightMessagesMax = 1 + chance.below(4) }
        if chance.happens(300) { node.inflightBytesMax = 500 }
        if chance.happens(300) { node.applyingBytesMax = 300 }
        if chance.happens(200) { node.uncommittedBytesMax = 2_000 }
        if chance.happens(200) { node.waitingReadsMax = 4 }
        if chance.happens(200) { replica.applyGapMax = 50 }
        if chance.happens(200) { replica.backlogMax = 3 }
        replica.catchUpEntries = chance.pick([5, 50, 5_000])
        replica.compactionStride = chance.pick([1, 10, 1_000])
        if chance.happens(300) { replica.heldEntriesMax = 200 }
        replica.snapshotRetryTicks = 10
    }
}

/// Kinds of things that go wrong.
enum Torment: CaseIterable {
    /// The process dies; what it had written stays.
    case kill
    /// The power goes: unsynced bytes are lost, writes are torn.
    case powerCut
    /// All members at once.
    case powerCutOfAll
    /// A member cannot speak with the others, in both directions.
    case isolate
    /// Two members do not hear each other.
    case cutLink
    /// One hears the other, but not the other way round.
    case cutOneWay
    /// The cluster falls into two parts.
    case split
    /// All links work again.
    case heal
    /// The log's disk takes long for a while.
    case slowDisk
    /// A write or sync of the log fails: the member stops.
    case diskFailure
    /// The process dies while it starts.
    case crashWhileStarting
    case transferLeadership
    /// Connections of clients break.
    case breakConnections
    /// A snapshot is asked for.
    case demandSnapshot
    /// Peers report each other unreachable.
    case reportUnreachable
}
