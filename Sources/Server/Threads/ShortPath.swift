import MVCC
import Net
import Replication

/// How a lone request gets from its event loop into the log and the state: the loop does the replica's
/// and the apply thread's work for it, in their place.
///
/// On the long way a Put changes threads three times (loop, replica, apply, loop), and each change costs a
/// client that waits for it a wake-up: 266 us of processor per Put of one client instead of 228 (h2load -c1
/// -m1 on a virtual machine). `tools/compare-with-etcd --only lone` shows a Put beside its bare system calls.
///
/// The price is that this loop hears nothing while the log is synced and the entry applied. So the short way
/// is taken only
///
/// 1. in a pass that is for one connection and did nothing else (`LoopThread`),
/// 2. for a single proposal that is small and quickly applied (`Engine.propose`),
/// 3. on a member that decides alone, with a disk that syncs within a millisecond (`ReplicaWorker.isBrisk`),
/// 4. when nobody is at work on, or waits for, the log and the state, and the flush keeps up.
///
/// What is left: requests that come on this loop during the sync wait for it, as they do in etcd for the
/// write of its log; and a disk that is suddenly slow is noticed by the first write that meets it.
final class ShortPath: Sendable {
    let replica: Desk<ReplicaWorker>
    let apply: Desk<ApplyWorker>
    private let switchboard: Switchboard
    private let keyspace: Keyspace

    /// Bytes of the proposal.
    static let bytesMax = 32 * 1024

    init(
        switchboard: Switchboard, replica: Desk<ReplicaWorker>, apply: Desk<ApplyWorker>, keyspace: Keyspace
    ) {
        self.switchboard = switchboard
        self.replica = replica
        self.apply = apply
        self.keyspace = keyspace
    }

    /// Does it; the answer is in the loop's mailbox or, as on the long way, comes there later. False, and
    /// nothing done, when it has to go the long way.
    func take(_ proposal: ProposedEntry) -> Bool {
        guard proposal.data.count <= Self.bytesMax, !keyspace.isOverfull else { return false }
        let isTaken = replica.workIfFree { worker in
            // What others have queued is theirs to wait for. Only this worker fills the apply mailbox, so
            // that what is there afterwards is what this turn has decided.
            guard worker.isBrisk, switchboard.replica.isEmpty, switchboard.apply.isEmpty,
                switchboard.replica.push(.proposals([proposal]), ringing: false)
            else { return false }
            worker.turn(ringsApply: false)
            return true
        }
        guard isTaken == true else { return false }
        if apply.workIfFree({ $0.turn() }) == nil { switchboard.applyBell.ring() }
        return true
    }
}
