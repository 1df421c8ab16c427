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

    /// Does it, for the loop of that number. Nil, and nothing done, when it has to go the long way.
    ///
    /// What comes back is for the loop to take as if it had come by its mailbox. It is empty when the apply
    /// thread is at work: that one then applies the entry, and answers as on the long way.
    func take(_ proposals: [ProposedEntry], for loop: Int) -> AppliedBatch? {
        guard proposals.count == 1, proposals[0].data.count <= Self.bytesMax, !keyspace.isOverfull else {
            return nil
        }
        let taken: AppliedBatch?? = replica.workIfFree { worker in
            // What others have queued is theirs to wait for.
            guard worker.isBrisk, switchboard.replica.isEmpty, switchboard.apply.isEmpty else { return nil }
            worker.turn(for: proposals)
            // Nobody else fills the apply thread's mailbox before the replica is let go, so that what is
            // decided is applied in its order, either way.
            if let batch = apply.workIfFree({ $0.turn(for: worker.decided, answering: loop) }) {
                worker.forgetDecided()
                return batch
            }
            worker.handOverDecided()
            return AppliedBatch()
        }
        return taken ?? nil
    }
}
