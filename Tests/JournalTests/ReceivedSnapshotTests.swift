import Journal
import Raft
import Simulation
import Testing

@Suite struct `Received snapshot` {
    private let metadata = SnapshotMetadata(
        id: id(2, 9), configuration: ConfigurationState(voters: [MemberID(1)]))

    /// The bytes of a `.snap` file.
    private func snapshot() throws -> [UInt8] {
        let disk = SimulatedDisk()
        try disk.createDirectory("/snap")
        var writer = try SnapshotWriter(in: SnapshotDirectory("/snap", disk: disk), metadata: metadata)
        for number in 0..<50 {
            try unsafe writer.append(
                bucket: "key", key: [UInt8(number)].span.bytes,
                value: [UInt8](repeating: UInt8(number), count: 200).span.bytes)
        }
        return try contents(writer.finish().path, on: disk)
    }

    private func receive(_ bytes: [UInt8], on disk: SimulatedDisk, position: EntryID) throws
        -> SnapshotSummary
    {
        var received = try ReceivedSnapshot(in: SnapshotDirectory("/snap", disk: disk), number: 3)
        var rest = bytes[...]
        while !rest.isEmpty {
            try received.append(Array(rest.prefix(100)))
            rest = rest.dropFirst(100)
        }
        return try received.finish(position: position)
    }

    @Test func `whole bytes become the file of their position, and survive a crash`() throws {
        let bytes = try snapshot()
        let disk = SimulatedDisk()
        try disk.createDirectory("/snap")
        let summary = try receive(bytes, on: disk, position: id(2, 9))
        #expect(summary.path == "/snap/0000000000000002-0000000000000009.snap")
        for seed: UInt64 in 1...5 {
            let survivor = disk.afterCrash(seed: seed)
            #expect(try contents(summary.path, on: survivor) == bytes)
            #expect(survivor.list("/snap")?.count == 1)
        }
    }

    @Test func `a flipped byte, a cut or another position leaves nothing behind`() throws {
        let bytes = try snapshot()
        for place in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[place] ^= 0x10
            let disk = SimulatedDisk()
            try disk.createDirectory("/snap")
            #expect(throws: JournalError.self) { try receive(damaged, on: disk, position: id(2, 9)) }
            #expect(throws: JournalError.self) {
                try receive(Array(bytes[..<place]), on: disk, position: id(2, 9))
            }
            #expect(disk.list("/snap") == [])
        }
        let disk = SimulatedDisk()
        try disk.createDirectory("/snap")
        #expect(throws: JournalError.self) { try receive(bytes, on: disk, position: id(2, 10)) }
        #expect(disk.list("/snap") == [])
    }
}
