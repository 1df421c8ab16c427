import Raft
import Simulation
import Testing

@testable import Journal

private let small = LogOptions(segmentSize: 1024, preparation: .onTheSpot)

@Suite struct RecoveryTests {
    private func created(on disk: SimulatedDisk) throws -> DurableLog {
        try DurableLog.create(in: "/wal", metadata: someone, options: small, disk: disk)
    }

    private func save(_ entries: [Entry], term: UInt64 = 1, commit: UInt64 = 0, _ log: inout DurableLog)
        throws
    {
        try log.save(entries, hardState: state(term: term, vote: 3, commit: commit), mustSync: true)
    }

    /// A log of entries 1 to `count`, 400 bytes each: a segment holds three of them.
    private func filled(_ count: UInt64, on disk: SimulatedDisk) throws -> DurableLog {
        var log = try created(on: disk)
        for index in 1...count {
            let data = [UInt8](repeating: UInt8(index), count: 400)
            try save([entry(index, data)], commit: index - 1, &log)
        }
        return log
    }

    @Test func `a cut happens after the save that crosses the size, and names the next index`() throws {
        let disk = SimulatedDisk()
        let log = try filled(7, on: disk)
        #expect(
            disk.list("/wal") == [
                "0000000000000000-0000000000000000.wal", "0000000000000001-0000000000000004.wal",
                "0000000000000002-0000000000000007.wal",
            ])
        #expect(log.lastIndex == LogIndex(7))
        // The old segment ends with its last record; the new one begins with checksum, metadata, hard state.
        let first = try contents("/wal/0000000000000000-0000000000000000.wal", on: disk)
        let second = try contents("/wal/0000000000000001-0000000000000004.wal", on: disk)
        #expect((1024..<1536).contains(first.count) && (1024..<1536).contains(second.count))
        #expect(first.suffix(8) != [UInt8](repeating: 0, count: 8)[...])
        #expect(second[9] == 4 && second[25] == 1)
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk)
        #expect(recovery.entries.map(\.index.rawValue) == Array(1...7))
        #expect(
            recovery.entries.allSatisfy {
                $0.data == [UInt8](repeating: UInt8($0.index.rawValue), count: 400)
            })
        #expect(recovery.hardState == state(term: 1, vote: 3, commit: 6))
        #expect(recovery.report.segmentCount == 3)
    }

    @Test func `later entries override earlier ones and cut off what followed`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1), entry(2), entry(3), entry(4)], commit: 1, &log)
        try save([entry(3, term: 2, [9])], term: 2, commit: 2, &log)
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk)
        #expect(recovery.entries == [entry(1), entry(2), entry(3, term: 2, [9])])
    }

    @Test func `recovery from a snapshot yields the entries after it`() throws {
        let disk = SimulatedDisk()
        var log = try filled(7, on: disk)
        let snapshot = SnapshotMetadata(
            id: id(1, 4), configuration: ConfigurationState(voters: [MemberID(3)]))
        try log.saveSnapshot(snapshot)
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: id(1, 4), options: small, disk: disk)
        #expect(recovery.entries.map(\.index.rawValue) == [5, 6, 7])
        #expect(recovery.report.segmentCount == 2)
        #expect(
            recovery.report.snapshots == [SnapshotRecord(id: id(1, 4), configuration: snapshot.configuration)]
        )
        #expect(recovery.intoLog().snapshotted == LogIndex(4))
        #expect(try DurableLog.validSnapshots(in: "/wal", disk: disk) == [.zero, id(1, 4)])
    }

    @Test func `a snapshot above the commit index brings that index with it`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1)], commit: 1, &log)
        try log.saveSnapshot(SnapshotMetadata(id: id(5, 100), configuration: ConfigurationState()))
        #expect(try DurableLog.validSnapshots(in: "/wal", disk: disk) == [.zero, id(5, 100)])
        try log.save([], hardState: state(term: 5, vote: 0, commit: 100), mustSync: true)
        try save([entry(101, term: 5)], term: 6, commit: 100, &log)
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: id(5, 100), options: small, disk: disk)
        #expect(recovery.entries == [entry(101, term: 5)])
    }

    @Test func `a snapshot received from the leader replaces what was saved before it`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1), entry(2), entry(3), entry(4)], commit: 1, &log)
        try log.saveSnapshot(SnapshotMetadata(id: id(3, 2), configuration: ConfigurationState()))
        try log.save([], hardState: state(term: 3, vote: 0, commit: 2), mustSync: true)
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: id(3, 2), options: small, disk: disk)
        #expect(recovery.entries.isEmpty)
        log = recovery.intoLog()
        try save([entry(3, term: 3)], term: 3, commit: 2, &log)
        try log.close()
        let later = try DurableLog.recover(in: "/wal", from: id(3, 2), options: small, disk: disk)
        #expect(later.entries == [entry(3, term: 3)])
    }

    @Test func `a received snapshot that is recorded again as the member's own loses no entry`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1)], commit: 1, &log)
        let snapshot = SnapshotMetadata(id: id(1, 9), configuration: ConfigurationState())
        try log.saveSnapshot(snapshot)
        try save([entry(10), entry(11)], commit: 9, &log)
        // 1. Nothing was applied since. 2. The member takes a snapshot of what it has: the same one.
        try log.saveSnapshot(snapshot)
        try save([entry(12)], commit: 11, &log)
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: id(1, 9), options: small, disk: disk)
        #expect(recovery.entries == [entry(10), entry(11), entry(12)])
    }

    @Test func `a log that a received snapshot has broken is not read across the breach`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1), entry(2), entry(3), entry(4)], commit: 1, &log)
        // Of another history: entry 2 of term 1 is not what the snapshot stands for.
        try log.saveSnapshot(SnapshotMetadata(id: id(3, 2), configuration: ConfigurationState()))
        try save([], term: 3, commit: 2, &log)
        try save([entry(3, term: 3)], term: 3, commit: 3, &log)
        try log.close()
        #expect(throws: JournalError.broken(directory: "/wal", from: .zero, by: id(3, 2))) {
            _ = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk)
        }
        log = try DurableLog.recover(in: "/wal", from: id(3, 2), options: small, disk: disk).intoLog()
        // Beyond the log's end.
        try log.saveSnapshot(SnapshotMetadata(id: id(3, 9), configuration: ConfigurationState()))
        try save([], term: 3, commit: 9, &log)
        try log.close()
        #expect(throws: JournalError.broken(directory: "/wal", from: id(3, 2), by: id(3, 9))) {
            _ = try DurableLog.recover(in: "/wal", from: id(3, 2), options: small, disk: disk)
        }
        let recovery = try DurableLog.recover(in: "/wal", from: id(3, 9), options: small, disk: disk)
        #expect(recovery.entries.isEmpty)
    }

    @Test func `a received snapshot of a member that never had a term does not count yet`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try log.saveSnapshot(SnapshotMetadata(id: id(3, 9), configuration: ConfigurationState()))
        #expect(try DurableLog.validSnapshots(in: "/wal", disk: disk) == [.zero])
        try log.save([], hardState: state(term: 3, vote: 0, commit: 9), mustSync: true)
        try log.close()
        #expect(try DurableLog.validSnapshots(in: "/wal", disk: disk) == [.zero, id(3, 9)])
    }

    /// Found by the simulation, seed 100149: the member did not start any more, for terms went back.
    @Test func `what a later entry below the snapshot cut off does not come back`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1), entry(2), entry(3), entry(4)], commit: 1, &log)
        // Another leader's entry replaces 2 to 4; it is committed, and a snapshot is taken of it.
        try save([entry(2, term: 3)], term: 3, commit: 2, &log)
        try log.saveSnapshot(SnapshotMetadata(id: id(3, 2), configuration: ConfigurationState()))
        try log.close()
        let recovery = try DurableLog.recover(in: "/wal", from: id(3, 2), options: small, disk: disk)
        #expect(recovery.entries.isEmpty)
        log = recovery.intoLog()
        try save([entry(3, term: 3)], term: 3, commit: 3, &log)
        try log.close()
        let later = try DurableLog.recover(in: "/wal", from: id(3, 2), options: small, disk: disk)
        #expect(later.entries == [entry(3, term: 3)])
    }

    @Test func `an unknown snapshot, one of another term and a missing start are refused by name`() throws {
        let disk = SimulatedDisk()
        var log = try filled(7, on: disk)
        try log.saveSnapshot(SnapshotMetadata(id: id(1, 4), configuration: ConfigurationState()))
        try log.close()
        #expect(throws: JournalError.snapshotNotFound(directory: "/wal", snapshot: id(1, 5))) {
            _ = try DurableLog.recover(in: "/wal", from: id(1, 5), options: small, disk: disk)
        }
        let error = #expect(throws: JournalError.self) {
            _ = try DurableLog.recover(in: "/wal", from: id(2, 4), options: small, disk: disk)
        }
        guard case .snapshotMismatch(_, _, id(2, 4), id(1, 4))? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try disk.remove("/wal/0000000000000000-0000000000000000.wal")
        #expect(throws: JournalError.noSegment(directory: "/wal", from: LogIndex(0))) {
            _ = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk)
        }
    }

    @Test func `a missing segment and a foreign one are refused by name`() throws {
        let disk = SimulatedDisk()
        try filled(10, on: disk).close()
        let second = "/wal/0000000000000001-0000000000000004.wal"
        let kept = try contents(second, on: disk)
        try disk.remove(second)
        #expect(throws: JournalError.sequenceGap(directory: "/wal", expected: 1, found: 2)) {
            _ = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk)
        }
        // A segment of another member, its head sound and its checksum chain whole.
        var foreign = RecordBuffer(checksum: try #require(RecordHead.first(of: kept)))
        foreign.beginSegment()
        var metadata: [UInt8] = []
        metadata.append(LogMetadata(memberID: MemberID(1), clusterID: 2))
        unsafe foreign.append(.metadata, data: metadata.span.bytes)
        try foreign.withBlocks { _, bytes in
            let file = try disk.open(second, .create(permissions: 0o600))
            defer { disk.close(file) }
            try disk.write(file, at: 0, bytes)
        }
        #expect(throws: JournalError.metadataConflict(path: second, offset: 16)) {
            _ = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk)
        }
    }

    @Test func `a log in use is refused to a second process`() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/wal"
        let log = try DurableLog.create(in: path, metadata: someone, options: small)
        let segment = path + "/0000000000000000-0000000000000000.wal"
        // Another open file is what another process has: the lock belongs to the open file description.
        #expect(throws: JournalError.locked(path: segment)) {
            _ = try DurableLog.recover(in: path, from: .zero, options: small)
        }
        #expect(throws: JournalError.alreadyExists(directory: path)) {
            _ = try DurableLog.create(in: path + "//", metadata: someone, options: small)
        }
        try log.close()
        _ = try DurableLog.recover(in: path, from: .zero, options: small)
    }

    @Test func `segments prepared in the background are used, and cleared away`() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/wal"
        let options = LogOptions(segmentSize: 8 << 20)
        var log = try DurableLog.create(in: path, metadata: someone, options: options)
        let data = [UInt8](repeating: 5, count: 1 << 20)
        for index: UInt64 in 1...20 { try save([entry(index, data)], commit: index - 1, &log) }
        try log.close()
        let names = try SystemDisk().list(path) ?? []
        #expect(Set(names).count == 3 && names.allSatisfy { $0.hasSuffix(".wal") })
        try write([1], to: path + "/0.tmp")
        let recovery = try DurableLog.recover(in: path, from: .zero, options: options)
        #expect(recovery.entries.count == 20)
        #expect(try SystemDisk().list(path)?.count == 3)
    }

    @Test func `without syncing no sync is called, and the log is the same`() throws {
        var options = small
        options.unsafeNoFsync = true
        // Steps of a sync fail: none may be reached after creation.
        let disk = SimulatedDisk()
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: options, disk: disk)
        let steps = disk.steps
        try save([entry(1)], &log)
        #expect(disk.steps == steps + 1)
        try log.close()
        #expect(disk.steps == steps + 1)
        #expect(
            try DurableLog.recover(in: "/wal", from: .zero, options: options, disk: disk).entries == [
                entry(1)
            ])
    }

    @Test func `a commit index alone is written without a sync`() throws {
        let disk = SimulatedDisk()
        var log = try created(on: disk)
        try save([entry(1)], &log)
        let steps = disk.steps
        try log.save([], hardState: state(term: 1, vote: 3, commit: 1), mustSync: false)
        #expect(disk.steps == steps + 1)
        try log.save([], hardState: nil, mustSync: false)
        #expect(disk.steps == steps + 1)
        let killed = try DurableLog.recover(in: "/wal", from: .zero, options: small, disk: disk.afterExit())
        #expect(killed.hardState.commit == LogIndex(1))
    }
}

extension RecordHead {
    /// The checksum of a segment's first record.
    fileprivate static func first(of segment: [UInt8]) -> UInt32? {
        let size = UInt64(segment[0])
        guard case .head(let head) = unsafe read(segment.span.bytes.extracting(8..<16), recordSize: size)
        else {
            return nil
        }
        return head.checksum
    }
}
