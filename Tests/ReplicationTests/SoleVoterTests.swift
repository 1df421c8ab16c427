import Raft
import Testing

@testable import Replication

@Suite struct SoleVoterTests {
    @Test func `a new cluster of one elects itself at its second tick and applies its first entry`() throws {
        let sole = try SoleReplica.elected()
        #expect(sole.statuses.last?.role == .leader)
        #expect(sole.statuses.last?.term == Term(2))
        #expect(sole.applied.map(\.kind) == [.configurationChange, .normal])
        #expect(sole.written == sole.applied)
    }

    @Test func `a proposal is committed by its own disk and applied after it`() throws {
        var sole = try SoleReplica.elected()
        sole.propose(1...3)
        #expect(sole.written.suffix(3).map(\.data) == [[1], [2], [3]])
        #expect(sole.toApply.isEmpty)
        let hasWritten = sole.persist()
        #expect(hasWritten)
        #expect(sole.toApply.map(\.data) == [[1], [2], [3]])
    }

    @Test func `a read is answered at the commit index at once`() throws {
        var sole = try SoleReplica.elected()
        sole.propose(1...2)
        sole.handle(.readIndex(token: 9))
        #expect(sole.readable == [ReadState(token: 9, index: LogIndex(2))])
        _ = sole.persist()
        sole.handle(.readIndex(token: 10))
        #expect(sole.readable.last == ReadState(token: 10, index: LogIndex(4)))
    }

    @Test func `a read before the first commit of the term waits for it`() throws {
        var sole = try SoleReplica()
        sole.run(.tick)
        sole.handle(.tick)
        sole.handle(.readIndex(token: 5))
        #expect(sole.readable.isEmpty)
        while sole.persist() || sole.apply() {}
        #expect(sole.readable == [ReadState(token: 5, index: LogIndex(2))])
    }

    @Test func `a restart hands out again what was committed after the snapshot`() throws {
        let entries = (4...6).map {
            Entry(id: EntryID(term: Term(2), index: LogIndex($0)), data: [UInt8($0)])
        }
        let snapshot = SnapshotMetadata(
            id: EntryID(term: Term(2), index: LogIndex(3)),
            configuration: ConfigurationState(voters: [SoleReplica.id]))
        let hardState = HardState(term: Term(2), vote: SoleReplica.id, commit: LogIndex(5))
        let restart = Node.Restart(hardState: hardState, entries: entries, snapshot: snapshot)
        var sole = try SoleReplica(start: .restart(restart))
        sole.handle(.applied(LogIndex(3)))
        #expect(sole.toApply.map(\.index.rawValue) == [4, 5])
        while sole.persist() || sole.apply() {}
        sole.run(.tick)
        #expect(sole.applied.map(\.index.rawValue) == [4, 5, 6, 7])
        #expect(sole.statuses.last?.term == Term(3))
    }
}
