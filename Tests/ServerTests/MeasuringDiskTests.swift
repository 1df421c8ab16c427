import Glibc
import Journal
import Net
import Raft
import Simulation
import Synchronization
import Telemetry
import Testing

@testable import Server

@Suite struct MeasuringDiskTests {
    private let metrics = ServerMetrics(MetricsRegistry(), extensive: false)
    private let path = "/tmp/measuring-disk-\(UInt64.random(in: .min ... .max))"

    private func write(_ bytes: [UInt8], to name: String, through disk: MeasuringDisk) throws {
        let file = try disk.open(path + name, .create(permissions: 0o600))
        defer {
            disk.close(file)
            unlink(path + name)
        }
        // The span does not outlive `bytes`.
        try unsafe disk.write(file, at: 0, bytes.span.bytes)
        try disk.sync(file)
    }

    @Test func `writes and syncs of the log are measured, those of its other files are not`() throws {
        let disk = MeasuringDisk(log: metrics.disk)
        try write([1, 2, 3], to: ".wal", through: disk)
        try write([1, 2, 3, 4], to: ".tmp", through: disk)
        #expect(metrics.disk.walWriteDuration.snapshot.count == 1)
        #expect(metrics.disk.walFsyncDuration.snapshot.count == 1)
    }

    @Test func `a sync of the log counts with the writes before it, which go past the page cache`() throws {
        // A second at each look: every call takes one.
        let seconds = Atomic<Int64>(0)
        let disk = MeasuringDisk(log: metrics.disk) {
            MonotonicTime(nanoseconds: seconds.add(1, ordering: .relaxed).newValue * 1_000_000_000)
        }
        try write([1, 2, 3], to: ".wal", through: disk)
        #expect(metrics.disk.walWriteDuration.snapshot.sum == 1)
        #expect(metrics.disk.walFsyncDuration.snapshot.sum == 2)
        try write([1, 2, 3], to: ".tmp", through: disk)
        try write([1, 2, 3], to: ".wal", through: disk)
        #expect(metrics.disk.walFsyncDuration.snapshot.sum == 4)
    }

    @Test func `it lets the log go past the page cache, and counts only what is appended to it`() throws {
        let simulated = SimulatedDisk()
        let log = try DurableLog.create(
            in: "/wal", metadata: LogMetadata(memberID: MemberID(1), clusterID: 2),
            options: LogOptions(segmentSize: 1 << 20, preparation: .onTheSpot),
            disk: MeasuringDisk(log: metrics.disk, over: simulated))
        #expect(simulated.isBypassingCache("/wal/0000000000000000-0000000000000000.wal"))
        // Neither the zeros of the segment nor its head, which is written before it has its name.
        #expect(metrics.disk.walWriteDuration.snapshot.count == 0)
        try log.close()
    }

    @Test func `syncs of snapshot files are measured by themselves`() throws {
        try write([1], to: ".tmp", through: MeasuringDisk(snapshots: metrics.snapshots))
        #expect(metrics.snapshots.fsyncDuration.snapshot.count == 1)
        #expect(metrics.disk.walFsyncDuration.snapshot.count == 0)
    }
}
