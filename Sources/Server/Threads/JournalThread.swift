import Journal
import Net
import Raft
import Replication

/// The thread that makes the log durable: one write and one sync for whatever the replica gathered
/// while the last one ran (the replica keeps one write in flight and piles up the next).
///
/// A failed write ends the process: what is on disk is unknown, and nothing may be acknowledged any more
/// (design.md 4.7).
struct JournalThread: ~Copyable {
    private var log: DurableLog
    private let switchboard: Switchboard
    private let limits: RetentionLimits
    private let fatal: FatalError

    init(log: consuming DurableLog, switchboard: Switchboard, limits: RetentionLimits, fatal: FatalError) {
        self.log = log
        self.switchboard = switchboard
        self.limits = limits
        self.fatal = fatal
    }

    /// Runs until told to stop; returns with the log closed.
    consuming func run() {
        var batch: [JournalInput] = []
        var isStopping = false
        while !isStopping {
            switchboard.journalBell.wait()
            switchboard.journal.drain(into: &batch)
            for input in batch {
                switch input {
                case .write(let write): save(write)
                case .snapshot(let metadata): record(metadata)
                case .stop: isStopping = true
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
        do throws(JournalError) { try log.close() } catch { fatal("the log could not be closed: \(error)") }
    }

    private mutating func save(_ write: Write) {
        do throws(JournalError) {
            if let snapshot = write.snapshot { try log.saveSnapshot(snapshot) }
            try log.save(write.entries, hardState: write.hardState, mustSync: write.mustSync)
        } catch {
            fatal("the log could not be written: \(error)")
        }
        switchboard.deliver(.event(.persisted(write.sequence)), to: switchboard.replica)
    }

    /// A snapshot file is complete on disk: its record makes it count, then older segments may go.
    private mutating func record(_ metadata: SnapshotMetadata) {
        do throws(JournalError) {
            try log.saveSnapshot(metadata)
            log.release(upTo: metadata.id.index)
            _ = try log.purge(maxWALs: limits.walsMax)
        } catch {
            fatal("the log could not be written: \(error)")
        }
        switchboard.deliver(.recorded(metadata), to: switchboard.snapshot)
    }
}

/// How many files of each kind are kept; 0 keeps all.
struct RetentionLimits: Sendable {
    var walsMax: Int
    var snapshotsMax: Int
}
