import Raft
import Testing

@testable import Journal

/// Files of a real etcd 3.4.23; see Fixtures/README.md.
@Suite struct EtcdFilesTests {
    private let fixtures = String(#filePath.dropLast("EtcdFilesTests.swift".count)) + "Fixtures/"
    private let member = MemberID(6_990_174_758_552_841_461)

    @Test func `a log that etcd wrote is read, and written on`() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/wal"
        try SystemDisk().createDirectory(path)
        try write(contents(fixtures + "etcd-3.4.23.wal"), to: path + "/0000000000000000-0000000000000000.wal")
        let options = LogOptions(segmentSize: 8192)
        let recovery = try DurableLog.recover(in: path, from: .zero, options: options)
        #expect(recovery.metadata.memberID == member)
        #expect(recovery.hardState == state(term: 2, vote: member.rawValue, commit: 30))
        #expect(recovery.entries.map(\.index.rawValue) == Array(1...30))
        #expect(recovery.entries[4].data == hex("22080a026b3112027631a2060b0885f08de3d1c0e8faac01"))
        #expect(recovery.report.snapshots.map(\.id) == [.zero, id(2, 11), id(2, 22)])
        #expect(recovery.report.repair == nil)
        let data = recovery.entries[0].data
        let first = try unsafe ConfigurationEntry(decoding: data.span.bytes, kind: recovery.entries[0].kind)
        #expect(first.change == ConfigurationChange(.addNode, member))
        var log = recovery.intoLog()
        try log.save(
            [entry(31, term: 2, [1])], hardState: state(term: 2, vote: member.rawValue, commit: 30),
            mustSync: true)
        try log.close()

        #expect(try DurableLog.validSnapshots(in: path) == [.zero, id(2, 11), id(2, 22)])
        let later = try DurableLog.recover(in: path, from: id(2, 22), options: options)
        #expect(later.entries.map(\.index.rawValue) == Array(23...31))
    }

    @Test func `a snapshot file that etcd wrote is named as such and left alone`() throws {
        let directory = TemporaryDirectory()
        let snapshots = SnapshotDirectory(directory.path)
        let path = snapshots.path(of: id(2, 22))
        #expect(path.hasSuffix("/0000000000000002-0000000000000016.snap"))
        try write(contents(fixtures + "etcd-3.4.23.snap"), to: path)
        let metadata = SnapshotMetadata(id: id(2, 22), configuration: ConfigurationState(voters: [member]))
        let choice = try snapshots.newest(among: [id(2, 22)], scrutiny: .everything)
        #expect(choice.snapshot == nil)
        #expect(choice.rejected == [.init(path: path, reason: .etcdSnapshot(path: path, metadata))])
        #expect(try snapshots.snapshots() == [id(2, 22)])

        var bytes = try contents(path)
        bytes[2000] ^= 1
        try write(bytes, to: path)
        let reason = JournalError.snapshotCorrupt(path: path, offset: 0, .unknownFormat)
        #expect(throws: reason) { _ = try SnapshotReader(path: path) }
    }
}
