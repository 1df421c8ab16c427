import Raft

/// One start of one member; events of an earlier start mean nothing to a later one.
struct BootID: Equatable {
    /// Place of the member in `Cluster.members`.
    var member: Int
    /// Counts the starts of that member from 1.
    var number: Int
}

/// Everything that happens in a run. Each is one simulated event when it reaches a living member or client.
enum Event {
    /// A heartbeat interval has passed on the member's own clock.
    case tick(BootID)
    /// Reaches the member `message.to`, if it lives and can be reached.
    case message(Message)
    /// A snapshot stream reaches its end.
    case snapshotArrives(SnapshotStream)
    /// How a snapshot stream ended, told to its sender.
    case snapshotSent(BootID, to: MemberID, hasArrived: Bool)
    /// The disk is done with the write of the log.
    case written(BootID)
    /// The state machine takes what is decided.
    case apply(BootID)
    /// What is applied goes to the database, with one slice of compaction.
    case flush(BootID)
    /// A `.snap` file is written.
    case snapshot(BootID)
    /// Leases and the member's own requests.
    case housekeeping(BootID)
    /// Expired leases, found while the member led `term`, reach the replica.
    case expire(BootID, Term, [Int64])
    /// Watchers are shown what is new.
    case showWatchers(BootID)
    /// A client's request reaches a member.
    case request(Request)
    /// An answer reaches a client.
    case answer(client: Int, call: Int, Answer)
    /// The client begins its next call.
    case clientActs(Int)
    /// The client looks whether its call takes too long.
    case clientLooks(Int)
    /// A watching client looks after its watcher.
    case watcherActs(Int)
    /// Something goes wrong, or is mended.
    case torment
    /// The chase of leaders goes on, if it is still at this turn.
    case chase(turn: Int)
    /// The operator changes the membership.
    case operatorActs
    /// A member that knows it was removed ends, as the daemon does.
    case leave(BootID)
    /// The power of a member goes at a chosen moment.
    case crash(BootID)
    /// A member that is down is started.
    case start(member: Int)
    /// The phase of the run changes.
    case phase(Phase)
}

/// The parts of a run.
enum Phase {
    /// Everybody starts; nothing goes wrong yet.
    case beginning
    /// The workload runs and everything goes wrong.
    case wild
    /// All is mended; the workload runs on, and every client must get answers.
    case calm
    /// The workload has ended; leases run out, everything converges.
    case quiet
    /// One follower is cut off for some elections' time…
    case returning
    /// …and is back.
    case returned

    /// Nothing goes wrong any more but what is done to one follower.
    var isCalm: Bool {
        switch self {
        case .beginning, .wild: false
        case .calm, .quiet, .returning, .returned: true
        }
    }
}
