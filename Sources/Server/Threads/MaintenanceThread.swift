import CPlatform
import Glibc
import MVCC
import Net
import Services
import Telemetry
import Transfer

/// The thread for calls that read the whole database: hashes and the snapshot stream's copy.
struct MaintenanceThread {
    private let keyspace: Keyspace
    private let directory: DataDirectory
    private let switchboard: Switchboard
    private let metrics: ServerMetrics
    private var isStopping = false

    init(
        keyspace: Keyspace, directory: DataDirectory, switchboard: Switchboard, metrics: ServerMetrics
    ) {
        self.keyspace = keyspace
        self.directory = directory
        self.switchboard = switchboard
        self.metrics = metrics
    }

    /// Runs until told to stop.
    mutating func run() {
        var batch: [MaintenanceInput] = []
        while !isStopping {
            switchboard.maintenanceBell.wait()
            switchboard.maintenance.drain(into: &batch)
            for input in batch {
                switch input {
                case .perform(let id, .defragment):
                    switchboard.deliver(.defragment(id: id), to: switchboard.flush)
                case .perform(let id, .snapshot):
                    // A write that was answered is in the copy.
                    switchboard.deliver(.forCopy(id: id), to: switchboard.flush)
                case .flushed(let id): perform(.snapshot, for: id)
                case .perform(let id, let operation): perform(operation, for: id)
                case .stop: isStopping = true
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
    }

    private func perform(_ operation: MaintenanceOperation, for id: UInt64) {
        let began = MonotonicTime.now()
        let result = perform(operation)
        measure(result, MonotonicTime.now() - began)
        switchboard.tell(waiterOf: id, .performed(id, result))
    }

    private func measure(_ result: MaintenanceResult, _ time: Duration) {
        switch result {
        case .hash: metrics.keyspace.hashDuration.observe(time)
        case .hashKV: metrics.keyspace.hashRevisionDuration.observe(time)
        case .snapshot: metrics.disk.snapshotDuration.observe(time)
        default: break
        }
    }

    private func perform(_ operation: MaintenanceOperation) -> MaintenanceResult {
        do throws(MVCCError) {
            switch operation {
            case .hash: return .hash(try keyspace.hash())
            case .hashKV(let revision):
                let answer = try keyspace.hashKV(revision: revision)
                return .hashKV(
                    hash: answer.hash, compactRevision: answer.compactRevision,
                    hashRevision: answer.hashRevision)
            case .snapshot: return copy()
            case .defragment: preconditionFailure("the flush thread defragments")
            }
        } catch .compacted {
            return .compacted
        } catch .futureRevision {
            return .futureRevision
        } catch {
            return .failed(describe(error))
        }
    }

    /// The state of one revision as a bbolt file, as etcd's tools and its followers read it, in an unlinked
    /// file beside the database: no copy is left behind by a crash. Compaction waits, since the pages that
    /// the view needs could not be reused.
    private func copy() -> MaintenanceResult {
        let descriptor = unsafe platform_open_unnamed(directory.snapshots)
        guard descriptor >= 0 else { return .failed("snapshot: \(text(of: -descriptor))") }
        keyspace.pauseCompaction()
        defer { keyspace.resumeCompaction() }
        do throws(TransferError) {
            let size = try BoltExport.write(keyspace.environment, to: descriptor, path: directory.snapshots)
            return .snapshot(SnapshotCopy(descriptor: descriptor, size: size))
        } catch {
            close(descriptor)
            return .failed("snapshot: \(error)")
        }
    }
}
