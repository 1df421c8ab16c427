import Glibc
import Journal
import Raft
import Simulation
import Testing

/// What a workload was told to be durable, in the order it was told.
private struct Promises {
    var isCreated = false
    /// Entries whose save returned.
    var entries: [Entry] = []
    var state = HardState()
    /// Snapshots whose record was saved.
    var snapshots: [EntryID] = [.zero]
}

/// Runs a log's whole life on a disk until the disk fails: creation, saves, cuts, an overwritten tail,
/// snapshots, retention.
private func live(on disk: SimulatedDisk, segmentSize: UInt64, _ promises: inout Promises)
    throws(JournalError)
{
    let options = LogOptions(segmentSize: segmentSize, preparation: .onTheSpot)
    var log = try DurableLog.create(in: "/wal", metadata: someone, options: options, disk: disk)
    promises.isCreated = true
    let directory = SnapshotDirectory("/snap", disk: disk)
    var random = Seeded(7)
    var last: UInt64 = 0
    for round: UInt64 in 1...14 {
        let term = 1 + round / 4
        if round == 6 { last -= 1 }  // a new leader overrides the last entry
        var batch: [Entry] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            last += 1
            let size = Int.random(in: 0...600, using: &random)
            batch.append(entry(last, term: term, [UInt8](repeating: UInt8(round), count: size)))
        }
        let commit = round == 5 ? promises.state.commit.rawValue : last - 1
        let new = state(term: term, vote: 9, commit: commit)
        // What a save overrides is given up when it begins.
        promises.entries.removeLast(promises.entries.count - Int(batch[0].index.rawValue - 1))
        try log.save(batch, hardState: new, mustSync: true)
        promises.entries += batch
        promises.state = new
        if round % 3 == 0 {
            try log.save([], hardState: state(term: term, vote: 9, commit: last), mustSync: false)
        }
        if round % 4 == 0 {
            let position = promises.entries[promises.entries.count - 2].id
            let metadata = SnapshotMetadata(
                id: position, configuration: ConfigurationState(voters: [MemberID(9)]))
            var writer = try SnapshotWriter(in: directory, metadata: metadata)
            try unsafe writer.append(
                bucket: "key", key: [UInt8(round)].span.bytes,
                value: [UInt8](repeating: 3, count: 700).span.bytes)
            _ = try writer.finish()
            try log.saveSnapshot(metadata)
            promises.snapshots.append(position)
            log.release(upTo: position.index)
            _ = try log.purge(maxWALs: 1)
            _ = try directory.purge(maxSnapshots: 1)
        }
    }
    try log.close()
}

/// Recovers as a member does at start, and checks that every promise was kept.
private func check(
    _ promises: Promises, on disk: SimulatedDisk, segmentSize: UInt64, _ story: Comment
) throws {
    let options = LogOptions(segmentSize: segmentSize, preparation: .onTheSpot)
    guard try DurableLog.exists(in: "/wal", disk: disk) else {
        #expect(!promises.isCreated, story)
        return
    }
    let directory = SnapshotDirectory("/snap", disk: disk)
    try directory.removeTemporaries()
    let candidates = try DurableLog.validSnapshots(in: "/wal", disk: disk)
    let choice = try directory.newest(among: candidates, scrutiny: .everything)
    #expect(choice.rejected.isEmpty, story)
    let start = choice.snapshot?.metadata.id ?? .zero
    #expect(start.index >= promises.snapshots.last?.index ?? LogIndex(0), story)

    for attempt in 1...2 {  // the second time after more was written
        let recovery = try DurableLog.recover(in: "/wal", from: start, options: options, disk: disk)
        #expect(recovery.metadata == someone)
        let promised = promises.entries.dropFirst(Int(start.index.rawValue))
        #expect(Array(recovery.entries.prefix(promised.count)) == Array(promised), story)
        #expect(recovery.hardState.term >= promises.state.term, story)
        #expect(recovery.hardState.commit >= promises.state.commit, story)
        let next = recovery.entries.last?.index ?? start.index
        let term = max(recovery.hardState.term.rawValue, recovery.entries.last?.term.rawValue ?? 1)
        let commit = recovery.hardState.commit.rawValue
        var log = recovery.intoLog()
        if attempt == 1 {
            try log.save(
                [entry(next.rawValue + 1, term: term + 1, [UInt8](repeating: 0xee, count: 900))],
                hardState: state(term: term + 1, vote: 9, commit: commit), mustSync: true)
        } else {
            #expect(log.hardState.term == Term(term), story)
            #expect(log.lastIndex == next, story)
        }
        try log.close()
    }
}

@Suite struct CrashTests {
    /// Segments that are cut after two or three saves, and ones that hold the whole life in many blocks.
    private static let sizes: [UInt64] = [2048, 32_768]
    private static let steps: [UInt64: Int] = Dictionary(
        uniqueKeysWithValues: sizes.map { size in
            let disk = SimulatedDisk()
            try? disk.createDirectory("/snap")
            try? disk.syncDirectory("/")
            var promises = Promises()
            try? live(on: disk, segmentSize: size, &promises)
            return (size, disk.steps)
        })

    private func run(
        _ fault: SimulatedDisk.Fault, segmentSize: UInt64
    ) throws -> (SimulatedDisk, Promises, JournalError?) {
        let disk = SimulatedDisk(fault: fault)
        var promises = Promises()
        do throws(DiskError) {
            try disk.createDirectory("/snap")
            try disk.syncDirectory("/")
        } catch {
            return (disk, promises, .disk(error))
        }
        do throws(JournalError) {
            try live(on: disk, segmentSize: segmentSize, &promises)
            return (disk, promises, nil)
        } catch {
            return (disk, promises, error)
        }
    }

    @Test func `the workload cuts segments, keeps its promises and ends`() throws {
        let (disk, promises, failure) = try run(.none, segmentSize: 2048)
        #expect(failure == nil)
        #expect(promises.entries.count > 20)
        #expect(promises.snapshots.count == 4)
        #expect(Self.steps.values.allSatisfy { $0 > 50 })
        let names = try #require(disk.list("/wal"))
        #expect(names.allSatisfy { !$0.hasPrefix("0000000000000000-") })
        try check(promises, on: disk.afterExit(), segmentSize: 2048, "no fault")
        let (_, others, _) = try run(.none, segmentSize: 32_768)
        #expect(others.entries.reduce(0) { $0 + $1.data.count } > 2 * 4096)
    }

    @Test(arguments: sizes)
    func `a power cut at any step loses nothing that was promised`(size: UInt64) throws {
        for step in 2..<(try #require(Self.steps[size])) {
            for seed: UInt64 in 1...4 {
                let (disk, promises, failure) = try run(.crash(step: step), segmentSize: size)
                #expect(failure != nil)
                do {
                    try check(
                        promises, on: disk.afterCrash(seed: seed), segmentSize: size,
                        "step \(step) seed \(seed)")
                } catch {
                    Issue.record("step \(step) seed \(seed): \(error)")
                }
            }
        }
    }

    @Test(arguments: sizes)
    func `a kill at any step loses nothing that was promised`(size: UInt64) throws {
        for step in 2..<(try #require(Self.steps[size])) {
            let (disk, promises, _) = try run(.crash(step: step), segmentSize: size)
            do {
                try check(promises, on: disk.afterExit(), segmentSize: size, "step \(step)")
            } catch {
                Issue.record("step \(step): \(error)")
            }
        }
    }

    @Test(arguments: [ENOSPC, EIO], sizes)
    func `a disk that fails once at any step is told with operation and path, and loses nothing`(
        errno: Int32, size: UInt64
    ) throws {
        for step in 2..<(try #require(Self.steps[size])) {
            let (disk, promises, failure) = try run(.error(step: step, errno: errno), segmentSize: size)
            guard case .disk(let error)? = failure else {
                // Cleaning up after success may fail in silence; nothing else may.
                #expect(failure == nil, "step \(step)")
                continue
            }
            #expect(error.errno == errno)
            #expect(error.path.hasPrefix("/wal") || error.path.hasPrefix("/snap") || error.path == "/")
            do {
                try check(
                    promises, on: disk.afterCrash(seed: UInt64(step)), segmentSize: size, "step \(step)")
            } catch {
                Issue.record("step \(step): \(error)")
            }
        }
    }

    @Test func `after a failed sync every later save is refused and nothing is written`() throws {
        let disk = SimulatedDisk(fault: .error(step: Self.stepsOfCreation + 1, errno: EIO))
        var log = try DurableLog.create(
            in: "/wal", metadata: someone, options: LogOptions(segmentSize: 4096, preparation: .onTheSpot),
            disk: disk)
        let path = "/wal/0000000000000000-0000000000000000.wal"
        let first = JournalError.disk(DiskError(.sync, path: path, errno: EIO))
        #expect(throws: first) {
            try log.save([entry(1)], hardState: state(term: 1, commit: 0), mustSync: true)
        }
        let steps = disk.steps
        #expect(throws: JournalError.stopped(first: first)) {
            try log.save([entry(2)], hardState: nil, mustSync: true)
        }
        #expect(throws: JournalError.stopped(first: first)) {
            try log.saveSnapshot(SnapshotMetadata(id: id(1, 1), configuration: ConfigurationState()))
        }
        #expect(disk.steps == steps)
        #expect(log.failure == first)
        try log.close()
    }

    private static let stepsOfCreation: Int = {
        let disk = SimulatedDisk()
        _ = try? DurableLog.create(
            in: "/wal", metadata: someone, options: LogOptions(segmentSize: 4096, preparation: .onTheSpot),
            disk: disk)
        return disk.steps
    }()
}
