import Glibc
import Journal
import Logging
import Raft
import Testing

@testable import Server

/// A founder that was killed after it made its log and before its first write. Found by the simulation.
@Suite struct PristineLogTests {
    /// Boots the default configuration on a log of this member and nothing else.
    private func boot(_ metadata: LogMetadata) throws -> (member: MemberID, founders: [MemberID]?) {
        let root = "/tmp/server-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
        defer { removeDataDirectory(root) }
        let directory = DataDirectory(root: root, wal: "")
        try directory.prepare()
        try DurableLog.create(in: directory.wal, metadata: metadata).close()
        let booter = Booter(
            configuration: ServerConfiguration(), directory: directory,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, disk: SystemDisk(),
            resolve: { _ in [] })
        let boot = try booter.boot()
        guard case .bootstrap(let members) = boot.start else { return (boot.metadata.memberID, nil) }
        return (boot.metadata.memberID, members.map(\.id))
    }

    /// Ids of etcd's own defaults (spec/vectors.md).
    private let member = MemberID(0x8e9e_05c5_2164_694d)
    private let cluster: UInt64 = 0xcdf8_1819_4e3a_8c32

    @Test func `it founds its cluster again`() throws {
        let boot = try boot(LogMetadata(memberID: member, clusterID: cluster))
        #expect(boot.member == member)
        #expect(boot.founders == [member])
    }

    @Test func `it does not as another member`() {
        #expect(throws: BootError.self) {
            _ = try boot(LogMetadata(memberID: MemberID(7), clusterID: cluster))
        }
    }
}
