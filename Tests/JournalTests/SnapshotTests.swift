import Glibc
import Raft
import Simulation
import Testing

@testable import Journal

private let metadata = SnapshotMetadata(
    id: id(3, 0x1234), configuration: ConfigurationState(voters: [MemberID(1), MemberID(2)]))

@Suite struct SnapshotTests {
    /// A file of the records that `body` makes, in a fresh directory of a disk.
    private func written(
        _ records: [(bucket: String, key: [UInt8], value: [UInt8])]
    ) throws -> (disk: SimulatedDisk, summary: SnapshotSummary) {
        let disk = SimulatedDisk()
        try disk.createDirectory("/snap")
        var writer = try SnapshotWriter(in: SnapshotDirectory("/snap", disk: disk), metadata: metadata)
        for record in records {
            try unsafe writer.append(
                bucket: record.bucket, key: record.key.span.bytes, value: record.value.span.bytes)
        }
        return (disk, try writer.finish())
    }

    private func read(_ path: String, on disk: any Disk) throws -> [(String, [UInt8], [UInt8])] {
        var reader = try SnapshotReader(path: path, disk: disk)
        try reader.verify()
        var found: [(String, [UInt8], [UInt8])] = []
        while try reader.next() {
            let bucket = reader.bucket
            reader.withRecord { key, value in
                found.append(
                    unsafe (
                        bucket, key.withUnsafeBytes { unsafe Array($0) },
                        value.withUnsafeBytes { unsafe Array($0) }
                    ))
            }
        }
        #expect(try !reader.next())
        return found
    }

    private static let few: [(bucket: String, key: [UInt8], value: [UInt8])] = [
        ("alarm", [1], []), ("key", [0, 0, 1], [UInt8](repeating: 7, count: 300)), ("key", [], [9]),
        ("meta", Array("consistent_index".utf8), [0, 0, 0, 0, 0, 0, 0, 5]),
    ]

    @Test func `a hundred thousand records come back as they were written, over several buckets`() throws {
        let directory = TemporaryDirectory()
        var random = Seeded(5)
        var writer = try SnapshotWriter(in: SnapshotDirectory(directory.path), metadata: metadata)
        var pauses = 0
        let noise = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) }
        func record(_ number: Int) -> (bucket: String, key: [UInt8], value: [UInt8]) {
            let key = Array("key/\(number)".utf8)
            let start = number &* 7 % 3800
            // Runs that compress, runs that do not, and one value larger than a block.
            let value =
                number == 50_000
                ? [UInt8](repeating: 1, count: 600_000)
                : number / 20_000 % 2 == 0 ? Array(noise[start..<(start + 40)]) + key : key + key + key
            return (number < 60_000 ? "key" : number < 60_003 ? "lease" : "members", key, value)
        }
        for number in 0..<100_000 {
            let made = record(number)
            if try unsafe writer.append(
                bucket: made.bucket, key: made.key.span.bytes, value: made.value.span.bytes)
            {
                pauses += 1
            }
        }
        let summary = try writer.finish()
        #expect(summary.recordCount == 100_000)
        #expect(summary.rawSize > 5_000_000)
        #expect(pauses >= 10)
        #expect(summary.path == directory.path + "/0000000000000003-0000000000001234.snap")
        #expect(try SystemDisk().list(directory.path) == ["0000000000000003-0000000000001234.snap"])
        #expect(try contents(summary.path).count == Int(summary.fileSize))
        #expect(summary.fileSize < summary.rawSize)

        var reader = try SnapshotReader(path: summary.path)
        #expect(reader.metadata == metadata)
        try reader.verify()
        #expect(reader.summary == summary)
        var number = 0
        while try reader.next() {
            let expected = record(number)
            let isSame = reader.withRecord { key, value in
                unsafe key.withUnsafeBytes { unsafe $0.elementsEqual(expected.key) }
                    && value.withUnsafeBytes { unsafe $0.elementsEqual(expected.value) }
            }
            guard isSame, reader.bucket == expected.bucket else {
                Issue.record("record \(number) differs")
                return
            }
            number += 1
        }
        #expect(number == 100_000)
    }

    @Test func `an empty state is a file like any other`() throws {
        let (disk, summary) = try written([])
        #expect(try read(summary.path, on: disk).isEmpty)
        #expect(summary.recordCount == 0)
    }

    @Test func `every truncated file is refused, and named`() throws {
        let (disk, summary) = try written(Self.few)
        #expect(try read(summary.path, on: disk).count == Self.few.count)
        let bytes = try contents(summary.path, on: disk)
        for length in bytes.indices {
            try write(Array(bytes[..<length]), to: summary.path, on: disk)
            let error = #expect(throws: JournalError.self, "length \(length)") {
                try read(summary.path, on: disk)
            }
            guard case .snapshotCorrupt(summary.path, _, _)? = error else {
                Issue.record("length \(length): \(String(describing: error))")
                continue
            }
        }
        try write(bytes + [0], to: summary.path, on: disk)
        #expect(throws: JournalError.self) { try read(summary.path, on: disk) }
    }

    @Test func `every flipped bit is refused, and named`() throws {
        let (disk, summary) = try written(Self.few)
        let bytes = try contents(summary.path, on: disk)
        for position in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << bit
                try write(damaged, to: summary.path, on: disk)
                let error = #expect(throws: JournalError.self, "byte \(position) bit \(bit)") {
                    try read(summary.path, on: disk)
                }
                guard case .snapshotCorrupt(summary.path, let offset, _)? = error else {
                    Issue.record("byte \(position): \(String(describing: error))")
                    continue
                }
                #expect(offset <= UInt64(position) || offset == UInt64(bytes.count - 76))
            }
        }
    }

    @Test func `blocks in another order, or one left out, are refused by the digest`() throws {
        var records: [(bucket: String, key: [UInt8], value: [UInt8])] = []
        for number: UInt8 in 1...3 {
            records.append(("key", [number], [UInt8](repeating: number, count: 300_000)))
        }
        let (disk, summary) = try written(records)
        let bytes = try contents(summary.path, on: disk)
        let header = SnapshotFormat.header(metadata).count
        let blocks = bytes[header..<(bytes.count - 76)]
        let size = blocks.count / 3  // equal records make equal blocks
        let first = Array(blocks.prefix(size)), rest = Array(blocks.dropFirst(size))
        try write(Array(bytes[..<header]) + rest + first + bytes.suffix(76), to: summary.path, on: disk)
        #expect(
            throws: JournalError.snapshotCorrupt(
                path: summary.path, offset: UInt64(bytes.count - 76), .digest)
        ) {
            try read(summary.path, on: disk)
        }
    }

    @Test func `the newest sound file is chosen, a damaged newer one is set aside`() throws {
        let (disk, summary) = try written(Self.few)
        let directory = SnapshotDirectory("/snap", disk: disk)
        let newer = SnapshotMetadata(id: id(3, 0x2000), configuration: metadata.configuration)
        _ = try SnapshotWriter(in: directory, metadata: newer).finish()
        let newest = try SnapshotWriter(
            in: directory, metadata: SnapshotMetadata(id: id(4, 1), configuration: metadata.configuration)
        ).finish()
        var bytes = try contents(newest.path, on: disk)
        bytes[20] ^= 4
        try write(bytes, to: newest.path, on: disk)

        let all = try directory.snapshots()
        #expect(all == [id(4, 1), id(3, 0x2000), id(3, 0x1234)])
        // The log does not know the one in the middle.
        let choice = try directory.newest(among: [id(3, 0x1234), id(4, 1)], scrutiny: .everything)
        #expect(choice.snapshot == summary)
        #expect(choice.rejected.map(\.path) == [newest.path])
        #expect(disk.list("/snap")?.contains("0000000000000004-0000000000000001.snap.broken") == true)
        #expect(try directory.snapshots() == [id(3, 0x2000), id(3, 0x1234)])
    }

    @Test func `a file under another file's name does not count`() throws {
        let (disk, summary) = try written(Self.few)
        let directory = SnapshotDirectory("/snap", disk: disk)
        try disk.rename(summary.path, to: directory.path(of: id(9, 9)))
        let choice = try directory.newest(among: [id(9, 9)], scrutiny: .ends)
        #expect(choice.snapshot == nil)
        #expect(
            choice.rejected.map(\.reason) == [
                .snapshotCorrupt(path: directory.path(of: id(9, 9)), offset: 0, .name)
            ])
    }

    @Test func `purging keeps the newest, and zero keeps all`() throws {
        let disk = SimulatedDisk()
        try disk.createDirectory("/snap")
        let directory = SnapshotDirectory("/snap", disk: disk)
        for index: UInt64 in 1...5 {
            let metadata = SnapshotMetadata(id: id(1, index), configuration: ConfigurationState())
            _ = try SnapshotWriter(in: directory, metadata: metadata).finish()
        }
        try write([1], to: "/snap/db", on: disk)
        #expect(try directory.purge(maxSnapshots: 0).isEmpty)
        #expect(
            try directory.purge(maxSnapshots: 3) == [
                directory.path(of: id(1, 1)), directory.path(of: id(1, 2)),
            ])
        _ = try directory.purge(maxSnapshots: 1)
        #expect(try directory.snapshots() == [id(1, 5)])
        #expect(disk.list("/snap")?.contains("db") == true)
    }

    @Test func `a writer that is given up leaves nothing, and what a crash left is removed`() throws {
        let disk = SimulatedDisk()
        try disk.createDirectory("/snap")
        let directory = SnapshotDirectory("/snap", disk: disk)
        do {
            var writer = try SnapshotWriter(in: directory, metadata: metadata)
            try unsafe writer.append(bucket: "key", key: [1].span.bytes, value: [2].span.bytes)
        }
        #expect(disk.list("/snap") == [])
        try write([1, 2, 3], to: "/snap/tmp-0000000000000001-0000000000000002.snap", on: disk)
        #expect(try directory.snapshots().isEmpty)
        try directory.removeTemporaries()
        #expect(disk.list("/snap") == [])
    }
}

@Suite struct ThrottleTests {
    @Test func `work is stretched to its share of one core`() {
        var throttle = Throttle(share: 0.1)
        #expect(throttle.pause(processor: 500, wall: 0) == .zero)
        // 5 ms of work in 5 ms: 45 ms of rest.
        #expect(throttle.pause(processor: 5_000_500, wall: 5_000_000) == .milliseconds(45))
        // Rested 45 ms and worked 1 ms more.
        #expect(throttle.pause(processor: 6_000_500, wall: 51_000_000) == .milliseconds(9))
    }

    @Test func `a long wait excuses only a short burst`() {
        var throttle = Throttle(share: 0.5)
        _ = throttle.pause(processor: 0, wall: 0)
        #expect(throttle.pause(processor: 0, wall: 60_000_000_000) == .zero)
        #expect(throttle.pause(processor: 30_000_000, wall: 60_030_000_000) == .milliseconds(20))
    }

    @Test func `the clocks it reads move`() {
        var throttle = Throttle(share: 0.001)
        _ = throttle.pause()
        var sum: UInt64 = 0
        for number: UInt64 in 0..<200_000 { sum &+= number }
        #expect(sum > 0)
        #expect(throttle.pause() > .zero)
    }
}
