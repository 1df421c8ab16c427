import Journal
import Net
import Synchronization
import Telemetry

/// The file system with the time of its writes and syncs measured, for the metrics.
///
/// Journal knows nothing of it. Of the log only the appends count: segments made ahead of need have other
/// names until they are used. A write of the log goes past the page cache, so its time is the first part of
/// what etcd's metric of syncs stands for (its alert looks for slow disks): it counts there, too.
final class MeasuringDisk: Disk {
    private let disk: any Disk
    private let writes: Histogram?
    private let syncs: Histogram
    /// Nanoseconds of the log's writes since its last sync.
    private let unsynced = Atomic<Int64>(0)
    /// Of the names of files that are measured.
    private let suffix: [UInt8]
    private let now: @Sendable () -> MonotonicTime

    /// For the log; files whose name ends in `.wal` are measured.
    init(
        log metrics: DiskMetrics, over disk: any Disk = SystemDisk(),
        now: @escaping @Sendable () -> MonotonicTime = MonotonicTime.now
    ) {
        self.disk = disk
        self.now = now
        writes = metrics.walWriteDuration
        syncs = metrics.walFsyncDuration
        suffix = Array(".wal".utf8)
    }

    /// For snapshot files, whatever they are called while they are written.
    init(snapshots metrics: SnapshotMetrics, over disk: any Disk = SystemDisk()) {
        self.disk = disk
        now = MonotonicTime.now
        writes = nil
        syncs = metrics.fsyncDuration
        suffix = []
    }

    /// Asked twice for every Put: by bytes, for `hasSuffix` takes care of Unicode.
    private func isMeasured(_ file: OpenFile) -> Bool {
        let path = file.path.utf8.span
        let start = path.count - suffix.count
        return start >= 0 && suffix.indices.allSatisfy { path[start + $0] == suffix[$0] }
    }

    func write(_ file: OpenFile, at offset: UInt64, _ bytes: borrowing RawSpan) throws(DiskError) {
        let began = now()
        try disk.write(file, at: offset, bytes)
        guard let writes, isMeasured(file) else { return }
        let nanoseconds = now().nanoseconds - began.nanoseconds
        writes.observe(nanoseconds: UInt64(nanoseconds))
        unsynced.add(nanoseconds, ordering: .relaxed)
    }

    func sync(_ file: OpenFile) throws(DiskError) {
        let began = now()
        try disk.sync(file)
        guard isMeasured(file) else { return }
        let nanoseconds = now().nanoseconds - began.nanoseconds
        syncs.observe(nanoseconds: UInt64(nanoseconds + unsynced.exchange(0, ordering: .relaxed)))
    }

    // Not measured.

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> OpenFile {
        try disk.open(path, access)
    }

    func close(_ file: OpenFile) { disk.close(file) }

    func size(_ file: OpenFile) throws(DiskError) -> UInt64 { try disk.size(file) }

    func read(
        _ file: OpenFile, at offset: UInt64, count: Int, into buffer: inout [UInt8]
    ) throws(DiskError) {
        try disk.read(file, at: offset, count: count, into: &buffer)
    }

    func allocate(_ file: OpenFile, size: UInt64) throws(DiskError) { try disk.allocate(file, size: size) }

    func truncate(_ file: OpenFile, size: UInt64) throws(DiskError) { try disk.truncate(file, size: size) }

    func bypassCache(_ file: OpenFile) { disk.bypassCache(file) }

    func startWriteback(_ file: OpenFile, offset: UInt64, size: UInt64) {
        disk.startWriteback(file, offset: offset, size: size)
    }

    func lock(_ file: OpenFile) throws(DiskError) -> Bool { try disk.lock(file) }

    func list(_ directory: String) throws(DiskError) -> [String]? { try disk.list(directory) }

    func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }

    func rename(_ from: String, to: String) throws(DiskError) { try disk.rename(from, to: to) }

    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }

    func removeDirectory(_ path: String) throws(DiskError) { try disk.removeDirectory(path) }

    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
}
