import Backend
import MVCC
import Net
import Services
import Synchronization
import Telemetry

/// The thread that moves applied state from memory into the database: one synced transaction per
/// --backend-batch-interval (or per --backend-batch-limit records), and while there is something to compact,
/// a slice of that per --compaction-sleep-interval; what the slices find is deleted by those transactions.
///
/// Nobody's request waits for it: the log already has what it writes. Only when it falls 64 MiB behind
/// does the apply thread wait.
struct FlushThread: ~Copyable {
    private var flusher: Flusher
    private let environment: Environment
    private let switchboard: Switchboard
    private let demand: FlushDemand
    private let sizes: BackendSizes
    private let pace: FlushPace
    private let fatal: FatalError
    private let metrics: ServerMetrics
    private var waitingSnapshots = 0
    private var waitingCopies: [UInt64] = []
    private var waitingDefragmentations: [UInt64] = []
    private var isStopping = false
    /// A compaction is under way.
    private var isCompacting = false

    init(
        flusher: consuming Flusher, environment: Environment, switchboard: Switchboard, demand: FlushDemand,
        sizes: BackendSizes, pace: FlushPace, fatal: FatalError, metrics: ServerMetrics
    ) {
        self.flusher = flusher
        self.environment = environment
        self.switchboard = switchboard
        self.demand = demand
        self.sizes = sizes
        self.pace = pace
        self.fatal = fatal
        self.metrics = metrics
    }

    /// Runs until told to stop; everything applied by then is in the database when it returns.
    consuming func run() {
        var batch: [FlushInput] = []
        flush()
        while !isStopping {
            if isCompacting { compactForAWhile() } else { rest() }
            switchboard.flush.drain(into: &batch)
            for input in batch { take(input) }
            batch.removeAll(keepingCapacity: true)
            flush()
        }
    }

    /// Sleeps until something is applied or asked for. The first batch after a quiet time waits for company;
    /// a full tail or a request ends the wait.
    private mutating func rest() {
        switchboard.flushBell.wait()
        if demand.endIdle(), !demand.isUrgent { switchboard.flushBell.wait(timeout: pace.interval) }
    }

    /// Compacts slice by slice until the next flush is due, a request came or nothing is left.
    private mutating func compactForAWhile() {
        let due = MonotonicTime.now() + pace.interval
        var isFlushDue = false
        repeat {
            if switchboard.flushBell.wait(timeout: pace.compactionPause) || demand.isUrgent { return }
            do throws(MVCCError) {
                let report = try flusher.compact()
                measure(report)
                isCompacting = report.hasMore
                isFlushDue = report.isFlushDue
            } catch {
                fatal("the database could not be compacted: \(describe(error))")
            }
        } while isCompacting && !isFlushDue && MonotonicTime.now() < due
    }

    private mutating func take(_ input: FlushInput) {
        switch input {
        case .forSnapshot: waitingSnapshots += 1
        case .forCopy(let id): waitingCopies.append(id)
        case .defragment(let id): waitingDefragmentations.append(id)
        case .stop: isStopping = true
        }
    }

    /// Moves what is applied into the database, and does what waited for it. Idle afterwards, so that what is
    /// applied next rings; but not while a compaction is under way, whose pauses no ring may cut short.
    private mutating func flush() {
        let wasCompacting = isCompacting
        if !wasCompacting { demand.beginIdle() }
        write()
        if isCompacting {
            _ = demand.endIdle()
        } else if wasCompacting {
            // What was applied meanwhile did not ring.
            flush()
        }
    }

    private mutating func write() {
        let report: FlushReport
        do throws(MVCCError) {
            report = try flusher.flush()
        } catch {
            fatal("the database could not be written: \(describe(error))")
        }
        isCompacting = report.hasMore
        measure(report)
        publishSizes()
        for _ in 0..<waitingSnapshots { switchboard.deliver(.flushed, to: switchboard.snapshot) }
        waitingSnapshots = 0
        for id in waitingCopies { switchboard.deliver(.flushed(id: id), to: switchboard.maintenance) }
        waitingCopies.removeAll()
        defragment()
    }

    private mutating func defragment() {
        for id in waitingDefragmentations {
            metrics.disk.defragsInFlight.set(true)
            defer { metrics.disk.defragsInFlight.set(false) }
            let began = MonotonicTime.now()
            do throws(MVCCError) {
                try flusher.defragment()
                metrics.disk.defragDuration.observe(MonotonicTime.now() - began)
                publishSizes()
                switchboard.tell(waiterOf: id, .performed(id, .defragmented))
            } catch {
                switchboard.tell(waiterOf: id, .performed(id, .failed(describe(error))))
            }
        }
        waitingDefragmentations.removeAll()
    }

    private func measure(_ report: FlushReport) {
        let milliseconds = { (nanoseconds: Int64) in Double(nanoseconds) * 1e-6 }
        if let time = report.writeTime { metrics.disk.commitDuration.observe(.nanoseconds(time)) }
        let compaction = metrics.compaction
        if report.deleted > 0 { compaction.removedKeys.add(report.deleted) }
        if let time = report.compactionTime { compaction.pause.observe(milliseconds(time)) }
        if let time = report.pruneHold { compaction.indexPause.observe(milliseconds(time)) }
        if let time = report.endedCompaction {
            compaction.total.observe(milliseconds(time))
            compaction.last.set(Int(WallTime.microseconds() / 1_000_000))
        }
    }

    private func publishSizes() {
        sizes.publish(
            BackendSize(total: Int64(environment.sizeOnDisk), inUse: Int64(environment.sizeInUse)))
    }
}

/// Times of the flush thread, from the configuration.
struct FlushPace: Sendable {
    /// --backend-batch-interval.
    var interval: Duration
    /// --compaction-sleep-interval: the pause between two slices of a compaction.
    var compactionPause: Duration
}

/// How the apply thread asks for flushes without a system call per batch.
final class FlushDemand: Sendable {
    private let keyspace: Keyspace
    private let bell: Doorbell
    /// --backend-batch-limit.
    private let batchLimit: Int
    /// The flush thread sleeps until something is applied.
    private let isIdle = Atomic(false)

    init(keyspace: Keyspace, bell: Doorbell, batchLimit: Int) {
        self.keyspace = keyspace
        self.bell = bell
        self.batchLimit = batchLimit
    }

    /// Enough waits for a flush now: --backend-batch-limit records or 8 MiB.
    var isUrgent: Bool { keyspace.isFlushDue(records: batchLimit) }

    /// A batch was applied and handed over.
    func applied() {
        let isAsleep =
            isIdle.load(ordering: .relaxed) && isIdle.exchange(false, ordering: .acquiringAndReleasing)
        if isAsleep || isUrgent { bell.ring() }
    }

    /// Waits while the flush thread is too far behind, after `applied`. Only the apply thread may.
    func awaitRoom() { keyspace.awaitRoom() }

    /// Flush thread, before its last look for work: what is applied from now on rings.
    func beginIdle() { isIdle.store(true, ordering: .sequentiallyConsistent) }

    /// Flush thread, awake again; true when something was applied since `beginIdle`.
    func endIdle() -> Bool { !isIdle.exchange(false, ordering: .acquiringAndReleasing) }
}
