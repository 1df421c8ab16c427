import Net
import Replication

/// How a lone request gets from its event loop into the log and the state: the loop does the replica's
/// and the apply thread's work for it, in their place.
///
/// On the long way a Put changes threads three times (loop, replica, apply, loop), and each change costs a
/// client that waits for it a wake-up: of 307 us of processor per Put of one client, measured in a virtual
/// machine, the write itself took 100 and the connection 90. The price is that this loop hears nothing while
/// the log is synced. So the short way is taken only
///
/// 1. in a pass that is for one client (`EventLoop.isForOneClient`),
/// 2. for a single proposal that is small and quickly applied,
/// 3. on a member that decides alone, with a disk that syncs within a millisecond (`ReplicaWorker.isBrisk`),
/// 4. when the replica thread is not at work.
///
/// Nothing is overtaken: the proposal goes through the same mailboxes, and whoever empties them does so under
/// the `Desk`'s lock.
struct ShortPath: Sendable {
    private let switchboard: Switchboard
    private let replica: Desk<ReplicaWorker>
    private let apply: Desk<ApplyWorker>

    /// Bytes of the proposal.
    static let bytesMax = 32 * 1024

    init(switchboard: Switchboard, replica: Desk<ReplicaWorker>, apply: Desk<ApplyWorker>) {
        self.switchboard = switchboard
        self.replica = replica
        self.apply = apply
    }

    /// Has it decided and applied on this thread; the answer is in the loop's mailbox. False, and nothing
    /// done, when it has to go the long way.
    func take(_ proposal: ProposedEntry) -> Bool {
        guard proposal.data.count <= Self.bytesMax else { return false }
        let isDecided = replica.workIfFree { worker in
            guard worker.isBrisk, switchboard.replica.push(.proposals([proposal]), ringing: false) else {
                return false
            }
            worker.turn(ringsApply: false)
            return true
        }
        guard isDecided == true else { return false }
        if apply.workIfFree({ $0.turn() }) == nil { switchboard.applyBell.ring() }
        return true
    }
}
