import Backend
import Foundation
import Journal
import MVCC
import Raft
import Store
import Testing
import Transfer

/// A directory that goes away with the value.
private final class Folder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/transfer-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a real etcd 3.4.23 left and said (Tests/BoltTests/Fixtures/README.md).
@Suite struct TransferTests {
    private static let snapshot = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../BoltTests/Fixtures/etcd-3.4.23.snapshot.db").path
    private static let local = ClusterMember(
        id: MemberID(77), peerURLs: ["http://127.0.0.1:2380"], name: "m1")

    private func records(_ source: StateSource) throws -> [String] {
        var records: [String] = []
        try source.forEach { bucket, key, value in
            let parts = [key.withUnsafeBytes { [UInt8]($0) }, value.withUnsafeBytes { [UInt8]($0) }]
            records.append("\(bucket.name) \(parts[0]) \(parts[1])")
            return true
        }
        return records
    }

    private func restore(_ source: String, to directory: String, bump: Int64? = nil) throws -> RestoreReport {
        var plan = RestorePlan(
            source: source, dataDirectory: directory, members: [Self.local], localID: Self.local.id)
        plan.bumpRevision = bump
        return try Restore(plan).run()
    }

    @Test func `the status of etcd's snapshot is what etcdctl said`() throws {
        let status = try StateStatus(of: StateSource(path: Self.snapshot))
        #expect(status.hash == 174_439_069 && status.revision == 13)
        #expect(status.totalKeys == 28 && status.totalSize == 20480 && status.version == nil)
    }

    @Test func `the hash of its keys is what endpoint hashkv said`() throws {
        let hash = try OfflineDatabase.hashKV(Self.snapshot, revision: 0) { _ in }
        #expect(hash.hash == 1_436_330_961 && hash.compactRevision == 5 && hash.hashRevision == 13)
    }

    @Test func `a restored member has everything but the old members and position`() throws {
        let folder = try Folder()
        let report = try restore(Self.snapshot, to: folder.path + "/d")
        #expect(report.revision == 13 && report.compactedRevision == 5 && report.caughtUp == 0)
        let before = try records(StateSource(path: Self.snapshot))
        let after = try records(StateSource(path: folder.path + "/d/member/snap/db"))
        func kept(_ records: [String]) -> [String] {
            records.filter { record in
                !record.hasPrefix("members") && !record.hasPrefix("meta \(Array("consistent_index".utf8))")
                    && !record.hasPrefix("meta \(Array("term".utf8))")
                    && !record.hasPrefix("meta \(Array("confState".utf8))")
            }
        }
        #expect(kept(after) == kept(before))
        // The .snap file beside it holds the same as the database.
        let snap = try StateSource(
            path: folder.path + "/d/member/snap/0000000000000001-0000000000000001.snap")
        #expect(try records(snap) == after)
        let valid = try DurableLog.validSnapshots(in: folder.path + "/d/member/wal")
        #expect(valid.contains(EntryID(term: Term(1), index: LogIndex(1))))
    }

    @Test func `what comes out again is the same state`() throws {
        let folder = try Folder()
        _ = try restore(Self.snapshot, to: folder.path + "/d")
        let database = try StateSource(path: folder.path + "/d/member/snap/db")
        let size = try SnapshotExport.run(database, to: folder.path + "/out.db")
        #expect(SnapshotTrailer.isPresent(fileSize: size))
        try SnapshotTrailer.verify(folder.path + "/out.db") { _ in }
        let exported = try StateSource(path: folder.path + "/out.db")
        #expect(exported.firstDamage() == nil)
        #expect(try records(exported) == records(database))
        let hashes = try [database, exported].map { try StateStatus(of: $0).hash }
        #expect(hashes[0] == hashes[1])
    }

    @Test func `a bumped revision counts, and everything before it as compacted`() throws {
        let folder = try Folder()
        let report = try restore(Self.snapshot, to: folder.path + "/d", bump: 1000)
        #expect(report.revision == 1013 && report.compactedRevision == 1013)
    }

    @Test func `nothing is restored over something`() throws {
        let folder = try Folder()
        #expect(FileManager.default.createFile(atPath: folder.path + "/file", contents: nil))
        let error = throwing { _ = try restore(Self.snapshot, to: folder.path) }
        #expect("\(error)" == "data-dir \"\(folder.path)\" not empty or could not be read")
    }

    /// The error a call throws.
    private func throwing(_ body: () throws -> Void) -> any Error {
        do { try body() } catch { return error }
        return CocoaError(.featureUnsupported)
    }

    @Test func `a wrong digest is refused unless it is skipped`() throws {
        let folder = try Folder()
        var bytes = try Data(contentsOf: URL(filePath: Self.snapshot))
        bytes[bytes.count - 40] ^= 1
        try bytes.write(to: URL(filePath: folder.path + "/damaged.db"))
        let error = throwing { _ = try restore(folder.path + "/damaged.db", to: folder.path + "/d") }
        #expect("\(error)".hasPrefix("expected sha256 ["))
        var plan = RestorePlan(
            source: folder.path + "/damaged.db", dataDirectory: folder.path + "/d", members: [Self.local],
            localID: Self.local.id)
        plan.skipsHashCheck = true
        #expect(try Restore(plan).run().revision == 13)
    }
}
