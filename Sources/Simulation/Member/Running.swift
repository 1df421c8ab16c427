import Backend
import Journal
import MVCC
import Raft
import Replication
import Store

/// What a member has in memory: everything a crash takes away.
///
/// The parts are the daemon's own. The threads of the daemon are queues here, emptied by events.
final class Running {
    let boot: BootID
    var replica: Replica
    /// Nil only while a crash takes it.
    var log: DurableLog?
    let environment: Environment
    let keyspace: Keyspace
    let machine: StateMachine
    let lessor: Lessor
    let membership: Membership
    var flusher: Flusher
    let reader: KeyspaceReader
    let hub: WatchHub
    let screen: WatchScreen
    var ids: RequestIDs

    var effects = Replica.Effects()
    /// The write the disk works on; the next one gathers in the effects.
    var writing: Write?
    var applying: [Work] = []
    var isApplyPlanned = false
    var isFlushPlanned = false
    var isSnapshotPlanned = false
    var isShowPlanned = false
    /// Reads whose index is known and not yet applied.
    var readers: [ReadState] = []
    /// Who waits for which request or read.
    var waiters: [UInt64: Waiter] = [:]
    var results = ApplyResults()
    /// The next index the referee has to see.
    var leads = false
    var appliesSinceCompared = 0
    var isPublished = false
    var publishing: UInt64?

    /// What the apply thread of the daemon gets.
    enum Work {
        case restore(SnapshotMetadata)
        case entries([Entry])
    }

    /// Somebody outside who waits for an answer.
    struct Waiter {
        var client: Int
        var call: Int
        /// Of a read.
        var query: Operation.Query?
    }

    init(boot: BootID, replica: Replica, log: consuming DurableLog, store: OpenStore, ids: RequestIDs) {
        self.boot = boot
        self.replica = replica
        self.log = consume log
        environment = store.environment
        keyspace = store.keyspace
        machine = store.machine
        lessor = store.lessor
        membership = store.membership
        flusher = Flusher(store.keyspace)
        reader = store.keyspace.makeReader()
        screen = WatchScreen()
        hub = WatchHub(reader: store.keyspace.makeReader(), number: 0)
        self.ids = ids
    }
}

/// A member's state machine on its database.
struct OpenStore {
    let environment: Environment
    let keyspace: Keyspace
    let machine: StateMachine
    let lessor: Lessor
    let membership: Membership
    let state: StoredState
}
