import EtcdAPI
import EtcdClient
import HTTP
import SwiftProtobuf
import Testing

@testable import LoadGeneration

@Suite struct `Watchers` {
    private let denied = GRPCStatus(.permissionDenied, "etcdserver: permission denied")

    private func created(_ number: Int) -> WatchResponse {
        .with {
            $0.watchID = Int64(number)
            $0.created = true
        }
    }

    private func cancelled(_ number: Int, _ change: (inout WatchResponse) -> Void) -> WatchResponse {
        .with {
            $0.watchID = Int64(number)
            $0.canceled = true
            change(&$0)
        }
    }

    @Test func `refused watchers are errors with their reason, and were not created`() throws {
        let session = try LoadSession()
        let server = try WatchServer(session) { number in
            if number % 3 > 0 { return [created(number)] }
            return [
                cancelled(0) {
                    $0.created = true
                    $0.cancelReason = denied.goText
                }
            ]
        }
        let streams = try server.streams(session, 1, perStream: 7)
        #expect(!streams.createAll())
        #expect(streams.creation.succeeded == 4)
        #expect(streams.creation.errors == [denied: 3])
        #expect(streams.living == 4)
        #expect(streams.watchers(ofKeys: 3) == [0, 2, 2])
    }

    @Test func `a watcher that is cancelled later is lost, and is awaited no more`() throws {
        let session = try LoadSession()
        let server = try WatchServer(session) { number in
            let compacted = cancelled(number) { $0.compactRevision = 9 }
            let named = cancelled(number) { $0.cancelReason = "etcdserver: no leader" }
            return [created(number), number == 0 ? compacted : named]
        }
        let streams = try server.streams(session, 2, perStream: 1)
        #expect(streams.createAll())
        #expect(!streams.wait(for: 1))
        #expect(streams.living == 0)
        #expect(
            streams.losses == [
                GRPCStatus(.outOfRange, "etcdserver: mvcc: required revision has been compacted"): 1,
                GRPCStatus(.failedPrecondition, "etcdserver: no leader"): 1,
            ])
    }

    @Test func `a stream that ends loses its watchers, and those it did not create`() throws {
        let session = try LoadSession()
        let server = try WatchServer(session) { number in number < 3 ? [created(number)] : [] }
        let gone = GRPCStatus(.unavailable, "gone")
        server.end = (after: 4, status: gone)
        let streams = try server.streams(session, 1, perStream: 10)
        #expect(!streams.createAll())
        #expect(streams.creation.errors == [gone: 7])
        #expect(streams.losses == [gone: 3])
        #expect(streams.living == 0)
    }

    private func result(_ name: String, _ count: Int, _ elapsed: Double = 1) -> LoadResult {
        var result = LoadResult(kinds: [.init(name: name)], timeline: Timeline(unixOffset: 1_000_000_000_000))
        for place in 0..<count {
            result.kinds[0].latencies.record(1000)
            result.timeline.record(1000, at: Int64(place) * 1000)
        }
        result.timeline.close()
        result.elapsed = elapsed
        return result
    }

    @Test func `everything that was measured is a kind of its own, with its own time`() {
        var puts = result("put", 4, 2)
        puts.errors = [denied: 2]
        let watched = WatchResult(
            creation: result("watch creation", 3), puts: puts, events: result("watch event", 12, 2.5),
            losses: [denied: 1], expected: 12)
        let whole = watched.whole
        #expect(whole.kinds.map(\.name) == ["watch creation", "watch event", "put"])
        #expect(whole.kinds.map(\.elapsed) == [1, 2.5, 2])
        #expect(whole.kinds.map { $0.timeline?.seconds.first?.count } == [3, 12, 4])
        #expect(whole.timeline.seconds.first?.count == 12)
        #expect(whole.errors == [denied: 3])
        #expect(whole.elapsed == 3.5)
        #expect(JSONReport.text(whole, command: "").contains("\"name\":\"watch event\",\"count\":12"))
        #expect(watched.load?.errors == [denied: 3])
        #expect(watched.complaint == "1 of 3 watchers were lost")
    }

    @Test func `what was to be measured and did not happen is a complaint, unless it was interrupted`() {
        func watched(_ events: Int, of expected: Int, isInterrupted: Bool = false) -> WatchResult {
            var puts = result("put", 1)
            puts.isInterrupted = isInterrupted
            return WatchResult(
                creation: result("watch creation", 1), puts: puts, events: result("watch event", events),
                losses: [:], expected: expected)
        }
        #expect(watched(5, of: 5).complaint == nil)
        #expect(watched(4, of: 5).complaint == "4 of 5 events came")
        #expect(watched(0, of: 0).complaint == "no event came")
        #expect(watched(4, of: 5, isInterrupted: true).complaint == nil)
        #expect(WatchResult(creation: result("watch creation", 0)).complaint == "no watcher was created")
    }

    @Test func `events are told second by second`() {
        var times = EventTimes()
        times.recordGaps(3)
        times.recordGaps(1)
        #expect(times.result.succeeded == 4)
        #expect(times.result.timeline.seconds.reduce(0) { $0 + $1.count } == 4)
    }
}

@Suite struct `Lease renewals` {
    @Test(arguments: [(Int64(0), false), (100, true)])
    func `an answer without time to live is an error`(_ seconds: Int64, _ isFine: Bool) throws {
        let workload = LeaseKeepAliveWorkload(leases: [7])
        var request: [UInt8] = []
        #expect(workload.begin(0, &request) == .leaseKeepAlive)
        let answer = LeaseKeepAliveResponse.with {
            $0.header.revision = 5
            $0.id = 7
            $0.ttl = seconds
        }
        let bytes: [UInt8] = try answer.serializedBytes()
        workload.answer(0, bytes.span.bytes)
        let lost = GRPCStatus(.notFound, "etcdserver: requested lease not found")
        #expect(workload.proceed(0, &request) == (isFine ? .done(kind: 0) : .failed(lost)))
    }

    @Test func `an operation whose answers are an error has failed`() throws {
        final class Refusing: Workload {
            let kinds = ["test"]
            func begin(_ client: Int, _ request: inout [UInt8]) -> EtcdClient.Method { .put }
            func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
                .failed(GRPCStatus(.notFound, "nothing"))
            }
        }
        let session = try LoadSession()
        let server = try TestServer(session)
        var plan = LoadPlan()
        plan.total = 10
        let result = session.run(Refusing(), plan, over: try server.channels(session, 1))
        #expect(result.succeeded == 0)
        #expect(result.errors == [GRPCStatus(.notFound, "nothing"): 10])
    }
}
