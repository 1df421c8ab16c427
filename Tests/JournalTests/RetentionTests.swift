import Journal
import Raft
import Simulation
import Testing

private let small = LogOptions(segmentSize: 1024, preparation: .onTheSpot)

@Suite struct RetentionTests {
    /// Six segments of three entries each, and a snapshot at `index`.
    private func log(on disk: SimulatedDisk, snapshotAt index: UInt64) throws -> DurableLog {
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: small, disk: disk)
        for index: UInt64 in 1...16 {
            try log.save(
                [entry(index, [UInt8](repeating: 1, count: 400))], hardState: state(term: 1, commit: index),
                mustSync: true)
        }
        try log.saveSnapshot(SnapshotMetadata(id: id(1, index), configuration: ConfigurationState()))
        return log
    }

    private func segments(_ disk: SimulatedDisk) -> [String] {
        (disk.list("/wal") ?? []).map { String($0.dropFirst(14).prefix(2)) }
    }

    @Test func `nothing is purged before it is released, nor with a limit of zero`() throws {
        let disk = SimulatedDisk()
        var log = try log(on: disk, snapshotAt: 16)
        let all = segments(disk)
        #expect(all.count == 6)
        #expect(try log.purge(maxWALs: 1).isEmpty)
        log.release(upTo: LogIndex(16))
        #expect(try log.purge(maxWALs: 0).isEmpty)
        #expect(segments(disk) == all)
        #expect(
            try log.purge(maxWALs: 3) == [
                "/wal/0000000000000000-0000000000000000.wal", "/wal/0000000000000001-0000000000000004.wal",
                "/wal/0000000000000002-0000000000000007.wal",
            ])
        #expect(segments(disk).count == 3)
    }

    @Test func `what recovery from the snapshot needs stays, however low the limit`() throws {
        for snapshot: UInt64 in 1...16 {
            let disk = SimulatedDisk()
            var log = try log(on: disk, snapshotAt: snapshot)
            log.release(upTo: LogIndex(snapshot))
            _ = try log.purge(maxWALs: 1)
            try log.close()
            let recovery = try DurableLog.recover(
                in: "/wal", from: id(1, snapshot), options: small, disk: disk)
            #expect(
                recovery.entries.map(\.index.rawValue) == Array((snapshot + 1)..<17), "snapshot \(snapshot)")
            #expect(try DurableLog.validSnapshots(in: "/wal", disk: disk).last == id(1, snapshot))
        }
    }

    /// Found by the simulation, seed 168: a member that had purged its log did not start any more.
    @Test func `a recorded snapshot counts though the commit index before it was never saved`() throws {
        let disk = SimulatedDisk()
        var log = try DurableLog.create(in: "/wal", metadata: someone, options: small, disk: disk)
        for index: UInt64 in 1...16 {
            try log.save(
                [entry(index, [UInt8](repeating: 1, count: 400))],
                hardState: state(term: 1, commit: index > 2 ? 2 : 0),
                mustSync: true)
        }
        try log.saveSnapshot(SnapshotMetadata(id: id(1, 15), configuration: ConfigurationState()))
        log.release(upTo: LogIndex(15))
        _ = try log.purge(maxWALs: 1)
        // What the node had handed out before it knew of the snapshot.
        try log.save([entry(17)], hardState: state(term: 1, commit: 14), mustSync: true)
        let after = disk.afterCrash(seed: 1)
        #expect(try DurableLog.validSnapshots(in: "/wal", disk: after).last == id(1, 15))
        let recovery = try DurableLog.recover(in: "/wal", from: id(1, 15), options: small, disk: after)
        #expect(recovery.hardState == state(term: 1, commit: 15))
        #expect(recovery.entries.map(\.index.rawValue) == [16, 17])
    }

    @Test func `a segment another process reads is not purged, nor any after it`() throws {
        let disk = SimulatedDisk()
        var log = try log(on: disk, snapshotAt: 16)
        log.release(upTo: LogIndex(16))
        let reader = try disk.open("/wal/0000000000000001-0000000000000004.wal", .read)
        #expect(disk.lock(reader))
        #expect(try log.purge(maxWALs: 1) == ["/wal/0000000000000000-0000000000000000.wal"])
        disk.close(reader)
        #expect(try log.purge(maxWALs: 1).count >= 2)
    }

    @Test func `only what a snapshot covers may be released`() async {
        await #expect(processExitsWith: .failure) {
            var log = try DurableLog.create(
                in: "/wal", metadata: someone,
                options: LogOptions(segmentSize: 1024, preparation: .onTheSpot),
                disk: SimulatedDisk())
            try log.save([entry(1)], hardState: state(term: 1, commit: 1), mustSync: true)
            log.release(upTo: LogIndex(1))
        }
    }

    @Test func `holes, entries without a sync, terms going back and committed entries anew are bugs`() async {
        await #expect(processExitsWith: .failure) {
            var log = try DurableLog.create(
                in: "/wal", metadata: someone,
                options: LogOptions(segmentSize: 1024, preparation: .onTheSpot),
                disk: SimulatedDisk())
            try log.save([entry(2)], hardState: state(term: 1, commit: 1), mustSync: true)
        }
        await #expect(processExitsWith: .failure) {
            var log = try DurableLog.create(
                in: "/wal", metadata: someone,
                options: LogOptions(segmentSize: 1024, preparation: .onTheSpot),
                disk: SimulatedDisk())
            try log.save([entry(1)], hardState: nil, mustSync: false)
        }
        await #expect(processExitsWith: .failure) {
            var log = try DurableLog.create(
                in: "/wal", metadata: someone,
                options: LogOptions(segmentSize: 1024, preparation: .onTheSpot), disk: SimulatedDisk())
            try log.save([entry(1)], hardState: state(term: 2, commit: 1), mustSync: true)
            try log.save([], hardState: state(term: 1, commit: 1), mustSync: true)
        }
        await #expect(processExitsWith: .failure) {
            var log = try DurableLog.create(
                in: "/wal", metadata: someone,
                options: LogOptions(segmentSize: 1024, preparation: .onTheSpot), disk: SimulatedDisk())
            try log.save([entry(1)], hardState: state(term: 1, commit: 1), mustSync: true)
            try log.save([entry(1)], hardState: nil, mustSync: true)
        }
    }
}
