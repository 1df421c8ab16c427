import EtcdAPI
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import Services

/// One watch stream of a test member, and what came on it since the last look.
private final class TestStream {
    let member: TestMember
    let id: UInt32
    private var seen = 0

    init(_ member: TestMember, _ metadata: [(String, String)] = []) {
        self.member = member
        id = member.open(.watch, metadata)
    }

    func create(_ key: String, _ change: (inout WatchCreateRequest) -> Void = { _ in }) throws {
        var request = WatchCreateRequest()
        request.key = data(key)
        change(&request)
        try member.send(id, WatchRequest.with { $0.createRequest = request })
    }

    func cancel(_ watchID: Int64) throws {
        try member.send(id, WatchRequest.with { $0.cancelRequest = .with { $0.watchID = watchID } })
    }

    func requestProgress() throws {
        try member.send(id, WatchRequest.with { $0.progressRequest = WatchProgressRequest() })
    }

    /// The responses that came since the last call.
    func next() throws -> [WatchResponse] {
        let all = try member.responses(id, WatchResponse.self)
        defer { seen = all.count }
        return Array(all[seen...])
    }

    /// The same, as lines that compare well: id, flags, reason, events as `PUT key@revision`.
    func lines() throws -> [String] {
        try next().map { response in
            var words = ["\(response.watchID)"]
            if response.created { words.append("created") }
            if response.canceled { words.append("canceled") }
            if response.compactRevision != 0 { words.append("compacted=\(response.compactRevision)") }
            if response.fragment { words.append("fragment") }
            if !response.cancelReason.isEmpty { words.append(response.cancelReason) }
            words += response.events.map { event in
                "\(event.type == .put ? "PUT" : "DELETE") \(text(event.kv.key))@\(event.kv.modRevision)"
            }
            return words.joined(separator: " ") + " r\(response.header.revision)"
        }
    }
}

@Suite struct WatchTests {
    /// vectors.md 7, "Watch sequence on one stream", line by line; the store is at revision 20.
    @Test func `one stream answers the recorded sequence of requests`() throws {
        let member = try TestMember()
        for value in 2...20 { try member.put("seed", "\(value)") }
        let stream = TestStream(member)
        try stream.requestProgress()
        #expect(try stream.lines() == [])
        try stream.create("x")
        #expect(try stream.lines() == ["0 created r20"])
        try stream.requestProgress()
        #expect(try stream.lines() == ["-1 r20"])
        try stream.create("y")
        #expect(try stream.lines() == ["1 created r20"])
        try stream.create("y") { $0.watchID = 7 }
        #expect(try stream.lines() == ["7 created r20"])
        try stream.create("y") { $0.watchID = 7 }
        #expect(
            try stream.lines() == [
                "-1 created canceled mvcc: duplicate watch ID provided on the WatchStream r20"
            ])
        try stream.create("y") { $0.watchID = 2 }
        #expect(try stream.lines() == ["2 created r20"])
        try stream.create("y")
        #expect(try stream.lines() == ["3 created r20"])
        try stream.create("y") { $0.rangeEnd = data("a") }
        #expect(try stream.lines() == ["-1 created canceled mvcc: watcher range is empty r20"])
        try stream.create("y") { $0.startRevision = -5 }
        #expect(
            try stream.lines() == [
                "-1 created canceled etcdserver: mvcc: required revision has been compacted r20"
            ])
        try stream.create("")
        #expect(try stream.lines() == ["4 created r20"])
        try stream.create("x") { $0.startRevision = 1000 }
        #expect(try stream.lines() == ["5 created r20"])
        try stream.requestProgress()
        #expect(try stream.lines() == [])
        try stream.cancel(1)
        #expect(try stream.lines() == ["1 canceled r20"])
        try stream.cancel(99)
        #expect(try stream.lines() == [])
        try stream.create("z")
        #expect(try stream.lines() == ["6 created r20"])
        try member.put("x", "1")
        #expect(try stream.lines() == ["0 PUT x@21 r21"])
        member.halfClose(stream.id)
        try member.put("x", "2")
        #expect(try stream.lines() == ["0 PUT x@22 r22"])
        #expect(member.status(stream.id) == nil)
    }

    @Test func `a watch from a compacted revision is created and then cancelled`() throws {
        let member = try TestMember()
        for value in 0..<9 { try member.put("x", "\(value)") }
        let _: CompactionResponse = try member.call(.compact, CompactionRequest.with { $0.revision = 5 })
        let stream = TestStream(member)
        try stream.create("x") { $0.startRevision = 2 }
        #expect(try stream.lines() == ["0 created r10", "0 canceled compacted=5 r0"])
        try stream.requestProgress()
        #expect(try stream.lines() == [])
    }

    @Test func `history is replayed from a past revision, then live events follow`() throws {
        let member = try TestMember()
        try member.put("x", "1")
        try member.put("y", "1")
        try member.delete("x")
        let stream = TestStream(member)
        try stream.create("x") { $0.startRevision = 2 }
        #expect(try stream.lines() == ["0 created r4", "0 PUT x@2 DELETE x@4 r4"])
        try member.put("x", "3")
        #expect(try stream.lines() == ["0 PUT x@5 r5"])
    }

    @Test func `filters drop events and prev_kv adds what was there before`() throws {
        let member = try TestMember()
        try member.put("x", "1")
        let stream = TestStream(member)
        try stream.create("x") {
            $0.filters = [.noput]
            $0.prevKv = true
        }
        _ = try stream.next()
        try member.put("x", "2")
        #expect(try stream.next().isEmpty)
        try member.delete("x")
        let response = try #require(try stream.next().first)
        #expect(response.events.count == 1)
        #expect(response.events[0].type == .delete)
        #expect(text(response.events[0].prevKv.value) == "2")
    }

    @Test func `the events of one transaction come in one response`() throws {
        let member = try TestMember()
        let stream = TestStream(member)
        try stream.create("k") { $0.rangeEnd = data("l") }
        _ = try stream.next()
        let txn = TxnRequest.with {
            $0.success = (1...3).map { key in .with { $0.requestPut = .with { $0.key = data("k\(key)") } } }
        }
        let _: TxnResponse = try member.call(.txn, txn)
        #expect(try stream.lines() == ["0 PUT k1@2 PUT k2@2 PUT k3@2 r2"])
    }

    @Test func `large responses are split greedily, and only where the watcher allows it`() throws {
        let member = try TestMember { $0.watchFragmentBytes = 2500 }
        let stream = TestStream(member)
        try stream.create("k") { request in
            request.rangeEnd = data("l")
            request.fragment = true
        }
        _ = try stream.next()
        try stream.create("k") { $0.rangeEnd = data("l") }
        _ = try stream.next()
        let txn = TxnRequest.with {
            $0.success = (1...5).map { key in
                .with {
                    $0.requestPut = .with {
                        $0.key = data("k\(key)")
                        $0.value = Data(count: 1000)
                    }
                }
            }
        }
        let _: TxnResponse = try member.call(.txn, txn)
        let responses = try stream.next()
        #expect(responses.filter { $0.watchID == 1 }.map(\.events.count) == [5])
        let parts = responses.filter { $0.watchID == 0 }
        #expect(parts.map(\.events.count) == [2, 2, 1])
        #expect(parts.map(\.fragment) == [true, true, false])
        #expect(parts.allSatisfy { $0.header.revision == 2 })
        #expect(parts.flatMap(\.events).map { text($0.kv.key) } == ["k1", "k2", "k3", "k4", "k5"])
    }

    @Test func `a client that does not read holds back its watcher and then misses nothing`() throws {
        let member = try TestMember(window: 1024)
        let stream = TestStream(member)
        try stream.create("k")
        let value = String(repeating: "v", count: 10_000)
        for _ in 0..<100 { try member.put("k", value) }
        let call = try #require(member.services.streams.watches.values.first)
        #expect(call.queuedBytes < WatchStream.queuedBytesMax + 128 * 1024)
        for _ in 0..<40 { member.allow(stream.id, 64 * 1024) }
        let revisions = try stream.next().flatMap(\.events).map(\.kv.modRevision)
        #expect(revisions == Array(2...101))
    }

    @Test func `idle watchers that ask for it are told the revision each interval`() throws {
        let member = try TestMember { $0.progressInterval = .seconds(1) }
        let stream = TestStream(member)
        try stream.create("x") { $0.progressNotify = true }
        try stream.create("x")
        try member.put("other", "1")
        _ = try stream.next()
        member.advance(.milliseconds(2500))
        let lines = try stream.lines()
        #expect(lines == ["0 r2", "0 r2"])
    }

    @Test func `a stream that requires a leader ends after three election timeouts without one`() throws {
        let member = try TestMember()
        let stream = TestStream(member, [("hasleader", "true")])
        try stream.create("x")
        member.setLeader(nil)
        member.advance(.milliseconds(2500))
        #expect(member.status(stream.id) == nil)
        member.advance(.milliseconds(600))
        #expect(member.status(stream.id) == TestMember.Failure(code: 14, text: "etcdserver: no leader"))
    }

    @Test func `a reset stream leaves no watcher behind`() throws {
        let member = try TestMember()
        let stream = TestStream(member)
        try stream.create("x")
        try stream.create("y")
        #expect(member.watcherCount == 2)
        member.reset(stream.id)
        #expect(member.watcherCount == 0)
        #expect(member.services.streams.watches.isEmpty)
    }

    @Test func `bytes that are no message end the stream`() throws {
        let member = try TestMember()
        let stream = TestStream(member)
        member.send(stream.id, bytes: [0x0a, 0xff])
        #expect(member.status(stream.id)?.code == 13)
    }
}
