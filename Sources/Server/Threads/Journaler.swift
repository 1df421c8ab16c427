import Journal
import Raft
import Telemetry

/// The log and whoever may write it: one thread at a time owns this.
///
/// A failed write ends the process: what is on disk is unknown, and nothing may be acknowledged any more
/// (design.md 4.7).
struct Journaler: ~Copyable, Sendable {
    private var log: DurableLog
    private let switchboard: Switchboard
    private let limits: RetentionLimits
    private let fatal: FatalError
    /// Gets the bytes of records, which the disk cannot tell from what fills its blocks.
    private let written: Gauge
    private var counted: UInt64 = 0

    init(
        log: consuming DurableLog, switchboard: Switchboard, limits: RetentionLimits, fatal: FatalError,
        written: Gauge
    ) {
        self.log = log
        self.written = written
        self.switchboard = switchboard
        self.limits = limits
        self.fatal = fatal
    }

    /// Returns when what must be durable is: one contiguous write, at most one sync. (A received snapshot
    /// has a write of its own before, and releases what it replaces.)
    mutating func save(_ write: Write) {
        do throws(JournalError) {
            if let snapshot = write.snapshot { try log.saveSnapshot(snapshot) }
            try log.save(write.entries, hardState: write.hardState, mustSync: write.mustSync)
            if let snapshot = write.snapshot { try release(snapshot) }
        } catch {
            fatal("the log could not be written: \(describe(error))")
        }
        count()
    }

    /// A snapshot file is complete on disk: its record makes it count, then older segments may go.
    mutating func record(_ metadata: SnapshotMetadata) {
        do throws(JournalError) {
            // One received meanwhile stands for more: this file has come too late to count.
            if metadata.id.index >= log.snapshotted {
                try log.saveSnapshot(metadata)
                try release(metadata)
            }
        } catch {
            fatal("the log could not be written: \(describe(error))")
        }
        count()
        switchboard.deliver(.recorded(metadata), to: switchboard.snapshot)
    }

    private mutating func count() {
        written.add(Int(log.bytesWritten - counted))
        counted = log.bytesWritten
    }

    private mutating func release(_ snapshot: SnapshotMetadata) throws(JournalError) {
        log.release(upTo: snapshot.id.index)
        _ = try log.purge(maxWALs: limits.walsMax)
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
