import Net
import Raft
import Replication

/// The thread that writes the log of a member with peers, so that heartbeats never wait for a disk.
///
/// It idles until the replica thread hands the log over (see `ReplicaWorker`), and then makes one write and
/// one sync for whatever the replica gathered while the last one ran.
struct JournalThread: ~Copyable {
    private var journaler: Journaler?
    private let switchboard: Switchboard

    init(switchboard: Switchboard) {
        journaler = nil
        self.switchboard = switchboard
    }

    /// Runs until told to stop; returns with the log closed, if it was handed over.
    consuming func run() {
        var batch: [JournalInput] = []
        var isStopping = false
        while !isStopping {
            switchboard.journalBell.wait()
            switchboard.journal.drain(into: &batch)
            for input in batch {
                switch input {
                case .adopt(let handover): journaler = handover.take()
                case .write(let write):
                    journaler?.save(write)
                    switchboard.deliver(.event(.persisted(write.sequence)), to: switchboard.replica)
                case .snapshot(let metadata): journaler?.record(metadata)
                case .stop: isStopping = true
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
        if let journaler = journaler.take() { journaler.close() }
    }
}
