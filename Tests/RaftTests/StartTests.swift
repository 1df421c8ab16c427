import Testing

@testable import Raft

/// Spec raft.md 2: what a member begins with, and what it refuses to begin with.
@Suite struct StartTests {
    private func entry(_ index: UInt64, _ term: UInt64) -> Entry {
        Entry(id: EntryID(term: Term(term), index: LogIndex(index)), data: [])
    }

    private func start(
        _ entries: [Entry], commit: UInt64 = 0, term: UInt64 = 9, vote: UInt64 = 1
    ) throws(Node.StartError) -> Node {
        let hardState = HardState(term: Term(term), vote: MemberID(vote), commit: LogIndex(commit))
        let snapshot = SnapshotMetadata(id: .zero, configuration: ConfigurationState(voters: [MemberID(1)]))
        return try Node(
            Node.Settings(id: MemberID(1), seed: 1),
            start: .restart(Node.Restart(hardState: hardState, entries: entries, snapshot: snapshot)))
    }

    @Test func `a new cluster writes and hands out one entry per member, one at a time`() throws {
        let members = (1...3).map { Node.BootstrapMember(id: MemberID($0), data: [UInt8($0)]) }
        var node = try Node(Node.Settings(id: MemberID(2), seed: 1), start: .bootstrap(members))
        var effects = Node.Effects()
        node.tick(into: &effects)
        #expect(effects.write.entries.map(\.data) == [[1], [2], [3]])
        #expect(effects.write.entries.allSatisfy { $0.term == Term(1) && $0.kind == .configurationChange })
        #expect(effects.write.hardState == HardState(term: Term(1), commit: LogIndex(3)))
        #expect(effects.write.mustSync)
        #expect(effects.committed.isEmpty)
        let sequence = effects.write.sequence
        effects.removeAll()
        node.persisted(sequence, into: &effects)
        #expect(effects.committed.map(\.index.rawValue) == [1])
        node.configurationDecided(LogIndex(1), ConfigurationChange(.addNode, MemberID(1)), into: &effects)
        #expect(effects.committed.map(\.index.rawValue) == [1, 2])
        #expect(node.configuration.voters.count == 3)
    }

    @Test func `a member that joins does not campaign`() throws {
        var node = try Node(Node.Settings(id: MemberID(2), seed: 1), start: .join)
        var effects = Node.Effects()
        for _ in 0..<50 { node.tick(into: &effects) }
        #expect(node.role == .follower)
        #expect(effects.messages.isEmpty && effects.write.isEmpty)
    }

    @Test func `a log that cannot be is refused`() {
        #expect(throws: Node.StartError.gap(after: LogIndex(1), found: LogIndex(3))) {
            try start([entry(1, 1), entry(3, 1)])
        }
        #expect(throws: Node.StartError.termFalls(at: LogIndex(2))) { try start([entry(1, 2), entry(2, 1)]) }
        #expect(throws: Node.StartError.commitBeyondLog(commit: LogIndex(5), last: LogIndex(1))) {
            try start([entry(1, 1)], commit: 5)
        }
    }

    @Test func `a term torn off a write is that of its entries, and no vote was cast in it`() throws {
        let node = try start([entry(1, 1), entry(2, 4)], term: 3, vote: 1)
        #expect(node.term == Term(4))
        #expect(node.vote == nil)
        let whole = try start([entry(1, 1), entry(2, 4)], term: 4, vote: 1)
        #expect(whole.vote == MemberID(1))
    }

    @Test func `what the state machine has is not handed out again`() throws {
        let applied = SnapshotMetadata(
            id: EntryID(term: Term(1), index: LogIndex(2)),
            configuration: ConfigurationState(voters: [MemberID(1)]))
        let restart = Node.Restart(
            hardState: HardState(term: Term(1), vote: nil, commit: LogIndex(1)), compacted: .zero,
            entries: [entry(1, 1), entry(2, 1), entry(3, 1)], applied: applied)
        var node = try Node(Node.Settings(id: MemberID(1), seed: 1), start: .restart(restart))
        var effects = Node.Effects()
        node.tick(into: &effects)
        while !effects.write.isEmpty {
            let sequence = effects.write.sequence
            effects.write.removeAll()
            node.persisted(sequence, into: &effects)
        }
        #expect(effects.committed.map(\.index.rawValue) == [3, 4])
    }

    @Test func `writes not yet taken are joined into one, replaced entries left out`() {
        var cluster = Cluster.running(voters: 3)
        var effects = Node.Effects()
        guard var node = cluster.sites[0].node else { return }
        func append(_ entries: [Entry], after previous: EntryID, term: UInt64) -> Message {
            Message(
                from: MemberID(2), to: MemberID(1), term: Term(term),
                payload: .append(.init(previous: previous, entries: entries, commit: LogIndex(0))))
        }
        node.step(append([entry(1, 1), entry(2, 1), entry(3, 1)], after: .zero, term: 1), into: &effects)
        let first = effects.write.sequence
        node.step(append([entry(2, 2)], after: entry(1, 1).id, term: 2), into: &effects)
        #expect(effects.write.entries == [entry(1, 1), entry(2, 2)])
        #expect(effects.write.hardState?.term == Term(2))
        #expect(effects.write.sequence > first)
        #expect(effects.messages.isEmpty)
        let sequence = effects.write.sequence
        node.persisted(sequence, into: &effects)
        #expect(
            effects.messages.map(\.payload) == [.appendAccepted(LogIndex(3)), .appendAccepted(LogIndex(2))])
        cluster.sites[0].node = nil
    }

    @Test func `an old write does not prove the entries that replaced its own`() throws {
        var node = try start([], term: 0)
        var effects = Node.Effects()
        func append(_ entries: [Entry], term: UInt64) -> Message {
            Message(
                from: MemberID(2), to: MemberID(1), term: Term(term),
                payload: .append(.init(previous: .zero, entries: entries, commit: LogIndex(0))))
        }
        node.step(append([entry(1, 1), entry(2, 1), entry(3, 1)], term: 1), into: &effects)
        let first = effects.write.sequence
        effects.removeAll()
        node.step(append([entry(1, 2)], term: 2), into: &effects)
        // The same entries come back with a third leader, before anything is durable.
        node.step(append([entry(1, 1), entry(2, 1), entry(3, 1)], term: 3), into: &effects)
        let last = effects.write.sequence
        node.persisted(first, into: &effects)
        #expect(node.log.persisted == LogIndex(0))
        node.persisted(last, into: &effects)
        #expect(node.log.persisted == LogIndex(3))
    }

    @Test func `a commit index alone is written without a sync, at a tick`() {
        var cluster = Cluster.led(voters: 1)
        cluster.propose(1, "a")
        cluster.deliver()
        #expect(cluster.sites[0].disk.hardState.commit < LogIndex(2))
        cluster.tick(1)
        #expect(cluster.sites[0].writing.map(\.mustSync) == [false])
        cluster.deliver()
        #expect(cluster.sites[0].disk.hardState.commit == LogIndex(2))
    }
}
