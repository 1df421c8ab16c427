import Journal
import Raft

/// The log and whoever may write it: one thread at a time owns this.
///
/// A failed write ends the process: what is on disk is unknown, and nothing may be acknowledged any more
/// (design.md 4.7).
struct Journaler: ~Copyable, Sendable {
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

    /// Returns when what must be durable is: one contiguous write, at most one sync.
    mutating func save(_ write: Write) {
        do throws(JournalError) {
            if let snapshot = write.snapshot { try log.saveSnapshot(snapshot) }
            try log.save(write.entries, hardState: write.hardState, mustSync: write.mustSync)
        } catch {
            fatal("the log could not be written: \(describe(error))")
        }
    }

    /// A snapshot file is complete on disk: its record makes it count, then older segments may go.
    mutating func record(_ metadata: SnapshotMetadata) {
        do throws(JournalError) {
            try log.saveSnapshot(metadata)
            log.release(upTo: metadata.id.index)
            _ = try log.purge(maxWALs: limits.walsMax)
        } catch {
            fatal("the log could not be written: \(describe(error))")
        }
        switchboard.deliver(.recorded(metadata), to: switchboard.snapshot)
    }

    /// Syncs what is not yet and gives the segments back.
    consuming func close() {
        do throws(JournalError) { try log.close() } catch {
            fatal("the log could not be closed: \(describe(error))")
        }
    }
}

/// How many files of each kind are kept; 0 keeps all.
struct RetentionLimits: Sendable {
    var walsMax: Int
    var snapshotsMax: Int
}
