import Glibc
import Journal
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
        let disk = MeasuringDisk(log: metrics.disk)
        try write([1, 2, 3], to: ".wal", through: disk)
        let (writes, syncs) = (metrics.disk.walWriteDuration.snapshot, metrics.disk.walFsyncDuration.snapshot)
        #expect(syncs.sum > writes.sum)
        try write([1, 2, 3], to: ".wal", through: disk)
        #expect(metrics.disk.walFsyncDuration.snapshot.sum - syncs.sum > 0)
        #expect(metrics.disk.walFsyncDuration.snapshot.sum > metrics.disk.walWriteDuration.snapshot.sum)
    }

    @Test func `syncs of snapshot files are measured by themselves`() throws {
        try write([1], to: ".tmp", through: MeasuringDisk(snapshots: metrics.snapshots))
        #expect(metrics.snapshots.fsyncDuration.snapshot.count == 1)
        #expect(metrics.disk.walFsyncDuration.snapshot.count == 0)
    }
}
