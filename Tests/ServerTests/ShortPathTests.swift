import EtcdAPI
import Glibc
import Net
import Raft
import Replication
import Services
import Store
import Synchronization
import Telemetry
import Testing
import Wire

@testable import MVCC
@testable import Server

/// A member with all its threads but the event loops, whose part the tests play as loop 0.
private final class Loopless {
    let member: Server.Member
    private let root = "/tmp/server-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
    private var ids: RequestIDs
    private let bell: Doorbell

    init() throws {
        let configuration = try #require(start(["--data-dir", root, "--log-level", "error"]).configuration)
        let log = try DaemonLog(configuration.logs)
        let registry = MetricsRegistry()
        let metrics = ServerMetrics(registry, extensive: false)
        let directory = DataDirectory(root: root, wal: "")
        let booter = Booter(
            configuration: configuration, directory: directory, logger: log.logger,
            disk: MeasuringDisk(log: metrics.disk), resolve: { _ in [] })
        let booted = try booter.boot()
        member = try Server.Member(
            configuration: configuration, directory: directory, booted: booted, loopCount: 1, log: log,
            registry: registry, metrics: metrics)
        ids = member.boot.ids(loop: 0)
        bell = member.switchboard.loopBells[0]
        let budget = try #require(ConnectionBudget.ofDescriptorLimit())
        try member.start(booted, peerSockets: [], budget: budget) {}
        while !member.status.allowsLocalReads { bell.wait(timeout: .milliseconds(5)) }
        // The housekeeper publishes the member, then the cluster's version: until then the replica and the
        // apply thread are at work.
        while member.membership.members.first?.name != "default" || member.membership.clusterVersion == nil {
            bell.wait(timeout: .milliseconds(5))
        }
        // Beside other tests the disk is slow.
        try path.replica.work { $0.briskWrite = .max }
    }

    deinit {
        member.stop()
        removeDataDirectory(root)
    }

    var path: ShortPath {
        get throws { try #require(member.link.shortPath.withLock { $0 }) }
    }

    /// A Put of this loop.
    func put(valueBytes: Int = 1) -> ProposedEntry {
        var request: [UInt8] = []
        request.appendField(1, always: [UInt8]("k".utf8))
        request.appendField(2, always: [UInt8](repeating: 7, count: valueBytes))
        let id = ids.draw()
        var data: [UInt8] = []
        unsafe data.appendInternalRaftRequest(
            .put, request.span.bytes, id: id, username: [], authRevision: 0)
        return ProposedEntry(tag: id, data: data)
    }

    /// The ids of the replies that are there.
    func replies() -> [UInt64] {
        var batch: [LoopInput] = []
        member.switchboard.loops[0].drain(into: &batch)
        return batch.flatMap { (input) -> [UInt64] in
            if case .applied(let applied) = input { return applied.replies.map(\.id) }
            return []
        }
    }

    /// The first replies that come, within ten seconds.
    func awaitReplies() -> [UInt64] {
        let end = MonotonicTime.now() + .seconds(10)
        while MonotonicTime.now() < end {
            let ids = replies()
            if !ids.isEmpty { return ids }
            bell.wait(timeout: .milliseconds(5))
        }
        return []
    }

    /// The short path's answer, as ids; nil when it did not take the proposal.
    func take(_ proposal: ProposedEntry) throws -> [UInt64]? {
        try path.take([proposal], for: 0)?.replies.map(\.id)
    }

    /// Takes the short path as soon as it is free: a tick may be in the way.
    func batchWhenFree(_ proposal: ProposedEntry) throws -> AppliedBatch? {
        for _ in 0..<2000 {
            if let batch = try path.take([proposal], for: 0) { return batch }
            bell.wait(timeout: .milliseconds(5))
        }
        return nil
    }

    /// The same, the answer as ids.
    func takeWhenFree(_ proposal: ProposedEntry) throws -> [UInt64]? {
        try batchWhenFree(proposal)?.replies.map(\.id)
    }
}

@Suite(.serialized) struct ShortPathTests {
    @Test func `what it takes is applied and answered when it returns`() throws {
        let loop = try Loopless()
        for _ in 0..<20 {
            let put = loop.put()
            let before = loop.member.keyspace.currentRevision
            #expect(try loop.takeWhenFree(put) == [put.tag])
            #expect(loop.member.keyspace.currentRevision == before + 1)
            #expect(loop.replies().isEmpty)
        }
    }

    @Test func `a loop is told of new revisions only while it has watchers`() throws {
        let loop = try Loopless()
        let hub = WatchHub(reader: loop.member.keyspace.makeReader(), number: 0)
        #expect(try #require(try loop.batchWhenFree(loop.put())).visible == nil)
        let watcher = hub.create(WatchOptions(range: KeyRange(key: [1]))).watcher
        let seen = try #require(try loop.batchWhenFree(loop.put()))
        #expect(seen.visible == loop.member.keyspace.currentRevision)
        hub.cancel(watcher)
        #expect(try #require(try loop.batchWhenFree(loop.put())).visible == nil)
    }

    @Test func `while the replica is at work nothing is taken, and nothing left behind`() throws {
        let loop = try Loopless()
        let path = try loop.path
        path.replica.work { _ in #expect(path.take([loop.put()], for: 0) == nil) }
        #expect(loop.member.switchboard.replica.isEmpty)
        let put = loop.put()
        #expect(try loop.takeWhenFree(put) == [put.tag])
        #expect(loop.replies().isEmpty)
    }

    @Test func `while the apply thread is at work the answer comes when it is done`() throws {
        let loop = try Loopless()
        let path = try loop.path
        let put = loop.put()
        var taken: AppliedBatch?
        path.apply.work { _ in
            for _ in 0..<2000 where taken == nil { taken = path.take([put], for: 0) }
            #expect(loop.replies().isEmpty)
        }
        #expect(try #require(taken).replies.isEmpty)
        #expect(loop.awaitReplies() == [put.tag])
    }

    @Test func `what others have queued is not its to do`() throws {
        let loop = try Loopless()
        let path = try loop.path
        let other = loop.put()
        #expect(path.replica.work { _ in loop.member.switchboard.replica.push(.proposals([other])) })
        let mine = loop.put()
        // Taken only if the replica's thread was quicker.
        let taken = try loop.take(mine)
        #expect(loop.awaitReplies() == [other.tag])
        if let taken { #expect(taken == [mine.tag]) }
    }

    @Test func `it waits for no flush: while that is too far behind, requests go the long way`() throws {
        let loop = try Loopless()
        let keyspace = loop.member.keyspace
        #expect(try loop.takeWhenFree(loop.put()) != nil)
        keyspace.add(unflushedBytes: 1 << 30, records: 0)
        #expect(keyspace.isOverfull)
        let taken = try loop.take(loop.put())
        keyspace.add(unflushedBytes: -(1 << 30), records: 0)
        #expect(taken == nil)
        #expect(try loop.takeWhenFree(loop.put()) != nil)
    }

    @Test func `large proposals go the long way`() throws {
        let loop = try Loopless()
        #expect(try loop.take(loop.put(valueBytes: ShortPath.bytesMax)) == nil)
    }
}
