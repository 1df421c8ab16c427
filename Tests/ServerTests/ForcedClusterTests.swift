import Journal
import Raft
import Testing

@testable import Server

@Suite struct ForcedClusterTests {
    let local = MemberID(1)

    private func entry(_ index: UInt64, term: UInt64 = 2, change: ConfigurationChange? = nil) -> Entry {
        let id = EntryID(term: Term(term), index: LogIndex(index))
        guard let change else { return Entry(id: id, data: [1]) }
        let data = ConfigurationEntry(id: 0, change: change).data(kind: .configurationChange)
        return Entry(id: id, kind: .configurationChange, data: data)
    }

    private func forced(_ voters: [UInt64], _ entries: [Entry], commit: UInt64) throws -> ForcedCluster {
        try ForcedCluster(
            localID: local, base: .zero, entries: entries,
            hardState: HardState(term: Term(5), vote: MemberID(3), commit: LogIndex(commit)),
            configuration: ConfigurationState(voters: voters.map { MemberID($0) }), applied: LogIndex(1))
    }

    private func changes(_ cluster: ForcedCluster) throws -> [ConfigurationChange] {
        try cluster.added.map { try ConfigurationEntry(decoding: $0.data.span.bytes, kind: $0.kind).change }
    }

    @Test func `the others are removed behind the committed entries, and what was not committed goes`() throws
    {
        let cluster = try forced([1, 2, 3], (1...6).map { entry($0) }, commit: 4)
        #expect(cluster.kept == EntryID(term: Term(2), index: LogIndex(4)))
        #expect(cluster.added.map(\.index.rawValue) == [5, 6])
        #expect(cluster.added.allSatisfy { $0.term == Term(5) })
        #expect(try changes(cluster) == [.init(.removeNode, MemberID(2)), .init(.removeNode, MemberID(3))])
        #expect(cluster.hardState == HardState(term: Term(5), vote: MemberID(3), commit: LogIndex(6)))
    }

    @Test func `changes that are committed but not applied yet count`() throws {
        let added = entry(2, change: .init(.addNode, MemberID(9)))
        let cluster = try forced([1], [entry(1), added, entry(3)], commit: 3)
        #expect(try changes(cluster) == [.init(.removeNode, MemberID(9))])
    }

    @Test func `a member that is alone already gets no entries`() throws {
        let cluster = try forced([1], [entry(1), entry(2)], commit: 2)
        #expect(cluster.added.isEmpty)
        #expect(cluster.hardState.commit == LogIndex(2))
    }

    @Test func `a member that is not in its own configuration is added`() throws {
        let cluster = try forced([2], [entry(1)], commit: 1)
        #expect(try changes(cluster) == [.init(.addNode, local), .init(.removeNode, MemberID(2))])
    }
}
