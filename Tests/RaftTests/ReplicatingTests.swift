import Testing

@testable import Raft

/// Raft §5.3, thesis §10.2.1: bringing logs to agree, and at what pace.
@Suite struct ReplicatingTests {
    @Test func `an entry on a majority is committed and everybody is told`() {
        var cluster = Cluster.led(voters: 3)
        cluster.propose(1, "a")
        cluster.deliver()
        #expect((1...3).map { cluster.committed($0) } == [2, 2, 2])
        #expect(cluster.sites.allSatisfy { $0.applied == LogIndex(2) })
    }

    @Test func `without a majority nothing is committed`() {
        var cluster = Cluster.led(voters: 5)
        for id in 3...5 as ClosedRange<UInt64> { cluster.isolate(id) }
        cluster.propose(1, "a")
        cluster.deliver()
        #expect(cluster.committed(1) == 1)
        cluster.heal()
        cluster.pass(2)
        #expect(cluster.committed(1) == 2)
    }

    @Test func `the leader counts its own entry only when it is durable`() {
        var cluster = Cluster.led(voters: 3)
        cluster.isolate(3)
        cluster.sites[0].isDiskHeld = true
        cluster.propose(1, "a")
        cluster.deliver()
        #expect(cluster.node(2).log.persisted == LogIndex(2))
        #expect(cluster.committed(1) == 1)
        cluster.sites[0].isDiskHeld = false
        cluster.deliver()
        #expect(cluster.committed(1) == 2)
    }

    @Test func `an append is sent beside the leader's own write, its answer after the follower's`() {
        var cluster = Cluster.led(voters: 2)
        cluster.propose(1, "a")
        #expect(cluster.sites[0].writing.count == 1)
        #expect(cluster.underWay(1, 2).count == 1)
        cluster.arrive(cluster.network.removeFirst())
        #expect(cluster.network.isEmpty)
        let hasWritten = cluster.persist(2)
        #expect(hasWritten)
        #expect(cluster.underWay(2, 1) == [.appendAccepted(LogIndex(2))])
    }

    @Test(
        arguments: [
            [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6], [1, 1, 1, 4, 4, 5, 5, 6, 6]],
            [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6], [1, 1, 1, 4]],
            [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6], [1, 1, 1, 4, 4, 4, 4]],
            [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6], [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
            [[2, 2, 2], []], [[3], [1, 1, 1, 1, 2, 2, 2, 2]],
        ] as [[[UInt64]]])
    func `a follower's log becomes the leader's`(logs: [[UInt64]]) {
        var cluster = Cluster.running(logs: logs)
        cluster.elect(1)
        if cluster.leaders.isEmpty { cluster.elect(1) }
        cluster.pass(2)
        #expect(cluster.terms(2) == cluster.terms(1))
        #expect(Array(cluster.terms(1).dropLast()) == logs[0])
        cluster.checker.checkLogs(cluster.sites)
    }

    @Test func `a conflict of many terms costs a step per term at most`() {
        let terms = (0..<60).map { 1 + UInt64($0) / 20 }
        let other = terms.prefix(10) + (10..<70).map { _ in 1 as UInt64 }
        var cluster = Cluster.running(logs: [terms, Array(other)])
        var appends = 0
        cluster.elect(1)
        cluster.trace = []
        cluster.pass(2)
        appends = cluster.trace?.count { $0.contains("rejected") } ?? 0
        #expect(cluster.terms(2) == cluster.terms(1))
        #expect(appends <= 3)
    }

    @Test func `a window holds so many appends and no more`() {
        var cluster = Cluster(voters: 2)
        cluster.limits.inflightMessagesMax = 4
        cluster.start()
        cluster.elect(1)
        cluster.sites[1].isDiskHeld = true
        for text in 1...20 { cluster.propose(1, "\(text)") }
        #expect(cluster.underWay(1, 2).count == 4)
        cluster.sites[1].isDiskHeld = false
        cluster.deliver()
        #expect(cluster.texts(2).count == 20)
    }

    @Test func `bytes under way are bounded`() {
        var cluster = Cluster(voters: 2)
        cluster.limits.inflightBytesMax = 100
        cluster.start()
        cluster.elect(1)
        for text in 1...20 { cluster.propose(1, "\(text)") }
        #expect(cluster.underWay(1, 2).count == 4)
        cluster.deliver()
        #expect(cluster.texts(2).count == 20)
    }

    @Test func `a message holds so many bytes and at least one entry`() {
        var cluster = Cluster(voters: 2)
        cluster.limits.messageBytesMax = 70
        cluster.start()
        cluster.elect(1)
        cluster.call(1) { $0.unreachable(MemberID(2), into: &$1) }
        cluster.isolate(2)
        for text in ["a", "b", "c", String(repeating: "x", count: 500)] { cluster.propose(1, text) }
        cluster.deliver()
        cluster.heal()
        cluster.trace = []
        cluster.pass(1)
        let counts = cluster.trace?.filter { $0.contains("append") && $0.contains("=") }
            .map { line in line.count { $0 == "=" } }
        #expect(counts == [2, 1, 1])
    }

    @Test func `a follower does not commit beyond what an append proves`() {
        var cluster = Cluster.running(logs: [[1, 1, 1], []])
        let entries = [Entry(id: EntryID(term: Term(1), index: LogIndex(1)), data: Array("1.1".utf8))]
        cluster.hand(
            .append(.init(previous: .zero, entries: entries, commit: LogIndex(3))), from: 2, to: 1, term: 2)
        #expect(cluster.committed(1) == 1)
        #expect(cluster.terms(1) == [1, 1, 1])
    }

    @Test func `an append with a gap in it is ignored`() {
        var cluster = Cluster.running(voters: 2)
        let entries = [1, 3].map { Entry(id: EntryID(term: Term(1), index: LogIndex($0)), data: []) }
        cluster.hand(
            .append(.init(previous: .zero, entries: entries, commit: LogIndex(0))), from: 2, to: 1, term: 1)
        #expect(cluster.terms(1).isEmpty)
    }

    @Test func `an entry of an older term is not committed by counting`() {
        var cluster = Cluster.running(logs: [[1, 2], [1, 2], [1]])
        cluster.passes = { message in
            guard case .append(let append) = message.payload else { return true }
            return append.entries.allSatisfy { $0.term.rawValue < 3 }
        }
        cluster.elect(1)
        cluster.pass(3)
        #expect(cluster.node(1).progress.allSatisfy { $0.match >= LogIndex(0) })
        #expect(cluster.committed(1) == 0)
        cluster.passes = { _ in true }
        cluster.pass(3)
        #expect(cluster.committed(1) == 3)
    }

    @Test func `proposals beyond the uncommitted limit are dropped until some commit`() {
        var cluster = Cluster(voters: 2)
        cluster.limits.uncommittedBytesMax = 100
        cluster.start()
        cluster.elect(1)
        cluster.isolate(2)
        #expect((1...5).map { cluster.propose(1, "\($0)") == .appended } == [true, true, true, false, false])
        cluster.heal()
        cluster.pass(2)
        #expect(cluster.propose(1, "again") == .appended)
    }

    @Test func `committed entries are handed out as far as the state machine keeps up`() {
        var cluster = Cluster(voters: 1)
        cluster.limits.applyingBytesMax = 100
        cluster.start()
        cluster.elect(1)
        cluster.sites[0].isApplyHeld = true
        for text in 1...9 { cluster.propose(1, "\(text)") }
        cluster.deliver()
        #expect(cluster.committed(1) == 10)
        #expect(cluster.sites[0].applying.count == 3)
        cluster.sites[0].isApplyHeld = false
        cluster.deliver()
        #expect(cluster.sites[0].applied == LogIndex(10))
    }
}
