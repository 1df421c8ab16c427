import HTTP
import Journal
import Net
import Raft
import Telemetry
import Testing

@testable import Peers

@Suite struct `Snapshots between members` {
    private static let seed: UInt64 = 42

    /// Writes a `.snap` of about `megabytes` that do not compress, and answers its summary.
    private func makeSnapshot(
        in directory: TemporaryDirectory, index: UInt64 = 100, megabytes: Int = 3
    ) throws -> SnapshotSummary {
        let metadata = SnapshotMetadata(
            id: position(2, index), configuration: ConfigurationState(voters: [MemberID(1), MemberID(2)]))
        var writer = try SnapshotWriter(in: SnapshotDirectory(directory.path), metadata: metadata)
        var random = SeededGenerator(seed: Self.seed)
        for number in 0..<(megabytes * 16) {
            let value = (0..<65_536).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try unsafe writer.append(
                bucket: "key", key: Array("k\(number)".utf8).span.bytes, value: value.span.bytes)
        }
        return try writer.finish()
    }

    private func snapshotMessage(_ summary: SnapshotSummary) -> Message {
        message(1, 2, term: 3, .snapshot(summary.metadata))
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        let disk = SystemDisk()
        let file = try disk.open(path, .read)
        defer { disk.close(file) }
        var bytes: [UInt8] = []
        try disk.read(file, at: 0, count: Int(disk.size(file)), into: &bytes)
        return bytes
    }

    @Test func `a snapshot arrives whole under its name, and both sides are told once`() throws {
        let village = try Village()
        let members = try village.settleAll(2)
        try #require(village.runUntilConnected())
        let summary = try makeSnapshot(in: members[0].directory)
        members[0].transport.sendSnapshot(snapshotMessage(summary), path: summary.path)
        #expect(members[0].sent.isEmpty)
        #expect(village.run { !members[0].sent.isEmpty })
        #expect(members[0].sent.map(\.hasArrived) == [true])
        #expect(members[1].snapshots.map(\.message) == [snapshotMessage(summary)])
        let path = try #require(members[1].snapshots.first?.path)
        #expect(path == members[1].directory.path + "/0000000000000002-0000000000000064.snap")
        #expect(try bytes(path) == bytes(summary.path))
        #expect(members[1].directory.names.count == 1)
        #expect(members[0].metrics.snapshotsSent.successes.with("2").value == 1)
        #expect(members[1].metrics.snapshotsReceived.successes.with("1").value == 1)
        #expect(members[1].metrics.snapshotsReceived.inFlight.with("1").value == 0)
    }

    @Test func `messages go on while a snapshot is under way`() throws {
        let village = try Village()
        let members = try village.settleAll(2) { $0.snapshotBytesPerSecond = 4 << 20 }
        try #require(village.runUntilConnected())
        let summary = try makeSnapshot(in: members[0].directory, megabytes: 2)
        members[0].transport.sendSnapshot(snapshotMessage(summary), path: summary.path)
        members[0].transport.send([append(1, 2, after: 1, [[1]])])
        #expect(village.run { members[1].messages.count == 1 })
        #expect(members[0].sent.isEmpty)
        #expect(village.run { members[0].sent.map(\.hasArrived) == [true] })
    }

    @Test func `a damaged snapshot is refused and leaves nothing behind`() throws {
        let village = try Village()
        let members = try village.settleAll(2)
        try #require(village.runUntilConnected())
        let summary = try makeSnapshot(in: members[0].directory, megabytes: 1)
        var damaged = try bytes(summary.path)
        damaged[damaged.count / 2] ^= 1
        let disk = SystemDisk()
        let file = try disk.open(summary.path, .create(permissions: 0o600))
        try unsafe disk.write(file, at: 0, damaged.span.bytes)
        disk.close(file)
        members[0].transport.sendSnapshot(snapshotMessage(summary), path: summary.path)
        #expect(village.run { members[0].sent.map(\.hasArrived) == [false] })
        #expect(members[1].snapshots.isEmpty)
        #expect(members[1].directory.names.isEmpty)
        #expect(members[1].metrics.snapshotsReceived.failures.with("1").value == 1)
    }

    @Test func `a snapshot of another position than its message says is refused`() throws {
        let village = try Village()
        let members = try village.settleAll(2)
        try #require(village.runUntilConnected())
        let summary = try makeSnapshot(in: members[0].directory, megabytes: 1)
        var metadata = summary.metadata
        metadata.id.index = LogIndex(101)
        members[0].transport.sendSnapshot(message(1, 2, .snapshot(metadata)), path: summary.path)
        #expect(village.run { members[0].sent.map(\.hasArrived) == [false] })
        #expect(members[1].snapshots.isEmpty)
    }

    @Test func `a newer snapshot for the same member ends the older`() throws {
        let village = try Village()
        let members = try village.settleAll(2) { $0.snapshotBytesPerSecond = 1 << 20 }
        try #require(village.runUntilConnected())
        let older = try makeSnapshot(in: members[0].directory, megabytes: 4)
        let newer = try makeSnapshot(in: members[0].directory, index: 200, megabytes: 1)
        members[0].transport.sendSnapshot(snapshotMessage(older), path: older.path)
        #expect(village.run { members[1].metrics.snapshotsReceived.inFlight.with("1").value == 1 })
        members[0].transport.sendSnapshot(snapshotMessage(newer), path: newer.path)
        #expect(village.run { members[0].sent.count == 2 })
        #expect(members[0].sent.map(\.hasArrived) == [false, true])
        #expect(members[1].snapshots.map(\.message) == [snapshotMessage(newer)])
        #expect(village.run { members[1].directory.names.count == 1 })
    }

    @Test func `without a member, a file or a peer the failure is told, later`() throws {
        let village = try Village()
        let members = try village.settleAll(2) { $0.snapshotStallTimeout = .milliseconds(300) }
        let summary = try makeSnapshot(in: members[0].directory, megabytes: 1)
        members[0].transport.sendSnapshot(message(1, 9, .snapshot(summary.metadata)), path: summary.path)
        members[0].transport.sendSnapshot(snapshotMessage(summary), path: summary.path + ".gone")
        #expect(members[0].sent.isEmpty)
        #expect(village.run { members[0].sent.count == 2 })
        #expect(members[0].sent.allSatisfy { !$0.hasArrived })
        members[1].transport.close()  // its port still takes connections, but nobody reads them
        members[0].transport.sendSnapshot(snapshotMessage(summary), path: summary.path)
        #expect(village.run { members[0].sent.count == 3 })
        #expect(members[0].sent.last?.hasArrived == false)
    }
}
