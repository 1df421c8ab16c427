import CPlatform
import Glibc
import Raft
import Simulation
import Testing

@testable import Journal

@Suite struct CacheBypassTests {
    private let directory = TemporaryDirectory()
    private let disk = SystemDisk()

    /// Asks by setting it, so only once per file that does not.
    private func bypasses(_ file: OpenFile) -> Bool {
        platform_bypass_cache(file.descriptor, true) == EALREADY
    }

    /// False where the file system has no writes past the page cache.
    private func canBypass() throws -> Bool {
        let file = try disk.open(directory.path + "/probe", .create(permissions: 0o600))
        defer { disk.close(file) }
        disk.bypassCache(file)
        return bypasses(file)
    }

    private func saved(_ range: ClosedRange<UInt64>, to log: inout DurableLog) throws -> [Entry] {
        var entries: [Entry] = []
        for index in range {
            // Within a block, over some, and over more than the buffer keeps.
            let size = [0, 8, 700, 4_000, 4_096, 12_288, 100_000, 9_000_000][Int(index % 8)]
            let next = entry(index, [UInt8](repeating: UInt8(index % 255) + 1, count: size))
            try log.save([next], hardState: state(term: 1, vote: 3, commit: index - 1), mustSync: true)
            entries.append(next)
        }
        return entries
    }

    @Test func `every save goes past the page cache, before and after a recovery, over segments`() throws {
        let path = directory.path + "/wal"
        let options = LogOptions(segmentSize: 10 << 20)
        var log = try DurableLog.create(in: path, metadata: someone, options: options)
        var entries = try saved(1...40, to: &log)
        #expect(try bypasses(log.tail) == canBypass())
        #expect(log.segments.count > 1)
        try log.close()
        for last in stride(from: UInt64(50), through: 90, by: 20) {
            let recovery = try DurableLog.recover(in: path, from: .zero, options: options)
            #expect(recovery.entries == entries)
            var again = recovery.intoLog()
            entries += try saved(UInt64(entries.count + 1)...last, to: &again)
            #expect(try bypasses(again.tail) == canBypass())
            try again.close()
        }
        let end = try DurableLog.recover(in: path, from: .zero, options: options)
        #expect(end.entries == entries && end.report.repair == nil)
    }

    @Test func `a log that ends on the border of a block is recovered and written on`() throws {
        let options = LogOptions(segmentSize: 64 << 10, preparation: .onTheSpot)
        let disk = SimulatedDisk()
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: options, disk: disk)
        var entries: [Entry] = []
        for border: UInt64 in [4096, 8192, 20_480] {
            let index = UInt64(entries.count + 1)
            // Most of what is missing, then exactly the rest.
            for rest in [border - log.buffer.end - 200, nil] {
                let missing = rest ?? border - log.buffer.end
                let fitting = (0...Int(missing)).reversed().lazy
                    .map { entry(UInt64(entries.count + 1), [UInt8](repeating: 7, count: $0)) }
                    .first { Self.size($0) <= missing }
                let next = try #require(fitting)
                try log.save([next], hardState: nil, mustSync: true)
                entries.append(next)
            }
            #expect(log.buffer.end == border && entries.count == index + 1)
            #expect(disk.isBypassingCache("/wal/0000000000000000-0000000000000000.wal"))
            try log.close()
            let recovery = try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk)
            #expect(recovery.entries == entries && recovery.report.offset == border)
            log = recovery.intoLog()
        }
    }

    /// Bytes of an entry's record.
    private static func size(_ entry: Entry) -> UInt64 {
        var buffer = RecordBuffer(checksum: 0)
        buffer.append(entry)
        return buffer.end
    }

    @Test func `a log that syncs nothing stays in the page cache`() throws {
        let options = LogOptions(segmentSize: 1 << 20, unsafeNoFsync: true)
        var log = try DurableLog.create(
            in: directory.path + "/wal", metadata: someone, options: options)
        _ = try saved(1...9, to: &log)
        #expect(!bypasses(log.tail))
    }

    @Test func `a file system that refuses a write past the cache gets it through the cache`() throws {
        let file = try disk.open(directory.path + "/file", .create(permissions: 0o600))
        defer { disk.close(file) }
        disk.bypassCache(file)
        // Neither address, offset nor size is of blocks, which ext4 and others refuse.
        try write([1, 2, 3], to: file, at: 5)
        #expect(try contents(directory.path + "/file") == [0, 0, 0, 0, 0, 1, 2, 3])
    }

    private func write(_ bytes: [UInt8], to file: OpenFile, at offset: UInt64) throws {
        try unsafe disk.write(file, at: offset, bytes.span.bytes)
    }
}
