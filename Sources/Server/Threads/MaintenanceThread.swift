import Backend
import CPlatform
import Glibc
import MVCC
import Net
import Services
import Telemetry

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
                case .perform(let id, let operation):
                    let began = MonotonicTime.now()
                    let result = perform(operation)
                    measure(result, MonotonicTime.now() - began)
                    switchboard.tell(waiterOf: id, .performed(id, result))
                case .stop: isStopping = true
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
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

    /// A consistent copy in an unlinked file beside the database: no copy is left behind by a crash.
    private func copy() -> MaintenanceResult {
        let descriptor = unsafe platform_open_unnamed(directory.snapshots)
        guard descriptor >= 0 else { return .failed("snapshot: \(text(of: -descriptor))") }
        do throws(BackendError) {
            try keyspace.environment.copy(toDescriptor: descriptor)
        } catch {
            close(descriptor)
            return .failed("snapshot: \(describe(error))")
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            close(descriptor)
            return .failed("snapshot: \(text(of: errno))")
        }
        return .snapshot(SnapshotCopy(descriptor: descriptor, size: UInt64(status.st_size)))
    }
}
