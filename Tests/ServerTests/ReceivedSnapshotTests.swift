import Backend
import Glibc
import Journal
import Logging
import Raft
import Store
import Testing

@testable import Server

/// What a member finds at its start that was stopped at some point between "the snapshot file is complete"
/// and "the database is exchanged" (the order of ../../Sources/Server/README.md).
@Suite struct ReceivedSnapshotTests {
    /// The data directory of member 1, removed with this object.
    private final class Home {
        let directory: DataDirectory
        let voters = ConfigurationState(voters: [MemberID(1)])

        init() throws {
            let root = "/tmp/server-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
            directory = DataDirectory(root: root, wal: "")
            try directory.prepare()
        }

        deinit { removeDataDirectory(directory.root) }

        func id(_ term: UInt64, _ index: UInt64) -> EntryID {
            EntryID(term: Term(term), index: LogIndex(index))
        }

        /// The state at an entry; `version` tells one from another.
        func state(_ id: EntryID, version: String) -> [(bucket: Bucket, key: String, value: [UInt8])] {
            let member = ClusterMember(id: MemberID(1), peerURLs: ["http://127.0.0.1:2380"], name: "one")
            let number = { (value: UInt64) in
                (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
            }
            return [
                (.cluster, "clusterVersion", Array(version.utf8)),
                (.members, "1", Array(member.json.utf8)),
                (.meta, "confState", Array("{\"voters\":[1],\"auto_leave\":false}".utf8)),
                (.meta, "consistent_index", number(id.index.rawValue)),
                (.meta, "term", number(id.term.rawValue)),
            ]
        }

        func writeDatabase(_ id: EntryID, version: String) throws {
            var load = try BulkLoad(replacing: directory.database)
            for record in state(id, version: version) {
                try load.add(record.bucket, key: Array(record.key.utf8), value: record.value)
            }
            try load.finish()
        }

        func writeSnapshot(_ id: EntryID, version: String) throws {
            var writer = try SnapshotWriter(
                in: SnapshotDirectory(directory.snapshots),
                metadata: SnapshotMetadata(id: id, configuration: voters))
            for record in state(id, version: version) {
                let key = Array(record.key.utf8)
                try unsafe writer.append(
                    bucket: record.bucket.name, key: key.span.bytes, value: record.value.span.bytes)
            }
            _ = try writer.finish()
        }

        func entry(_ index: UInt64, term: UInt64) -> Entry { Entry(id: id(term, index), data: [1]) }

        /// A log of entries 1 to 5 of term 2, committed up to 4, to which `body` adds.
        func writeLog(_ body: (inout DurableLog) throws -> Void = { _ in }) throws {
            let metadata = LogMetadata(memberID: MemberID(1), clusterID: 7)
            var log = try DurableLog.create(in: directory.wal, metadata: metadata)
            try log.save((1...5).map { entry($0, term: 2) }, hardState: hardState(2, 4), mustSync: true)
            try body(&log)
            try log.close()
        }

        func hardState(_ term: UInt64, _ commit: UInt64) -> HardState {
            HardState(term: Term(term), vote: nil, commit: LogIndex(commit))
        }

        func record(_ id: EntryID, in log: inout DurableLog) throws {
            try log.saveSnapshot(SnapshotMetadata(id: id, configuration: voters))
        }

        /// Boots, and tells what came of it.
        func boot() throws -> (version: String?, restart: Node.Restart, newest: EntryID?) {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let booter = Booter(
                configuration: ServerConfiguration(), directory: directory, logger: logger,
                disk: SystemDisk(),
                resolve: { _ in [] })
            let boot = try booter.boot()
            guard case .restart(let restart) = boot.start else { throw BootError("founded") }
            return (boot.state.clusterVersion?.text, restart, boot.newestFile?.id)
        }
    }

    @Test func `with the file complete but not recorded the member is what it was`() throws {
        let home = try Home()
        try home.writeDatabase(home.id(2, 3), version: "3.4.0")
        try home.writeLog()
        try home.writeSnapshot(home.id(3, 100), version: "3.5.0")
        let boot = try home.boot()
        #expect(boot.version == "3.4.0")
        #expect(boot.restart.applied.id == home.id(2, 3))
        #expect(boot.restart.entries.map(\.index.rawValue) == [1, 2, 3, 4, 5])
    }

    @Test func `with the record alone the database is rebuilt, for it brings the commit index`() throws {
        let home = try Home()
        try home.writeDatabase(home.id(2, 3), version: "3.4.0")
        try home.writeSnapshot(home.id(3, 100), version: "3.5.0")
        try home.writeLog { log in try home.record(home.id(3, 100), in: &log) }
        let boot = try home.boot()
        #expect(boot.version == "3.5.0")
        #expect(boot.restart.entries.isEmpty)
    }

    @Test func `with the snapshot recorded the database is rebuilt from it`() throws {
        let home = try Home()
        try home.writeDatabase(home.id(2, 3), version: "3.4.0")
        try home.writeSnapshot(home.id(3, 100), version: "3.5.0")
        try home.writeLog { log in
            try home.record(home.id(3, 100), in: &log)
            try log.save([], hardState: home.hardState(3, 100), mustSync: true)
            try log.save([home.entry(101, term: 3)], hardState: home.hardState(3, 100), mustSync: true)
        }
        for _ in 1...2 {
            let boot = try home.boot()
            #expect(boot.version == "3.5.0")
            #expect(boot.restart.compacted == home.id(3, 100))
            #expect(boot.restart.applied.id == home.id(3, 100))
            #expect(boot.restart.entries == [home.entry(101, term: 3)])
            #expect(boot.newest == home.id(3, 100))
        }
    }

    @Test func `a snapshot of another history replaces entries that look like a continuation`() throws {
        let home = try Home()
        try home.writeDatabase(home.id(2, 3), version: "3.4.0")
        try home.writeSnapshot(home.id(3, 5), version: "3.5.0")
        try home.writeLog { log in
            try home.record(home.id(3, 5), in: &log)
            try log.save([home.entry(6, term: 3)], hardState: home.hardState(3, 5), mustSync: true)
        }
        let boot = try home.boot()
        #expect(boot.version == "3.5.0")
        #expect(boot.restart.entries == [home.entry(6, term: 3)])
    }

    @Test func `with the database exchanged the log goes on from it`() throws {
        let home = try Home()
        try home.writeDatabase(home.id(3, 102), version: "3.5.0")
        try home.writeSnapshot(home.id(3, 100), version: "3.5.0")
        try home.writeLog { log in
            try home.record(home.id(3, 100), in: &log)
            let entries = (101...103).map { home.entry($0, term: 3) }
            try log.save(entries, hardState: home.hardState(3, 102), mustSync: true)
        }
        let boot = try home.boot()
        #expect(boot.restart.compacted == home.id(3, 100))
        #expect(boot.restart.applied.id == home.id(3, 102))
        #expect(boot.restart.entries.map(\.index.rawValue) == [101, 102, 103])
    }

    @Test(arguments: [UInt64(5), 100])
    func `without the file the start is refused, never a mixture of both histories`(index: UInt64) throws {
        let home = try Home()
        try home.writeDatabase(home.id(2, 3), version: "3.4.0")
        try home.writeLog { log in
            try home.record(home.id(3, index), in: &log)
            try log.save([], hardState: home.hardState(3, index), mustSync: true)
        }
        #expect(throws: BootError.self) { _ = try home.boot() }
    }

    @Test func `snapshots of the member's own leave a database that is ahead of them alone`() throws {
        let home = try Home()
        try home.writeDatabase(home.id(2, 4), version: "3.4.0")
        try home.writeSnapshot(home.id(2, 3), version: "3.3.0")
        try home.writeLog { log in try home.record(home.id(2, 3), in: &log) }
        let boot = try home.boot()
        #expect(boot.version == "3.4.0")
        #expect(boot.restart.entries.map(\.index.rawValue) == [4, 5])
    }
}
