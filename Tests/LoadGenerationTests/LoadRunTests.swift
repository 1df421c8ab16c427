import EtcdClient
import HTTP
import Net
import Testing

@testable import LoadGeneration

@Suite struct `Load runs` {
    @Test func `a closed loop asks its total once, by all clients over all connections`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        let workload = TestWorkload()
        var plan = LoadPlan()
        plan.clients = 7
        plan.total = 100
        let result = session.run(workload, plan, over: try server.channels(session, 3))
        #expect(server.asked == 100)
        #expect(workload.begun == 100)
        #expect(result.succeeded == 100)
        #expect(result.failed == 0)
        #expect(result.timeline.seconds.reduce(0) { $0 + $1.count } == 100)
        #expect(result.elapsed > 0)
        #expect(!result.isInterrupted)
    }

    @Test func `failures are counted by code and are in no latency`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.failsEvery = 4
        var plan = LoadPlan()
        plan.clients = 2
        plan.total = 100
        let result = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        #expect(result.succeeded == 75)
        #expect(result.errors == [GRPCStatus(.resourceExhausted, "etcdserver: too many requests"): 25])
    }

    @Test func `an operation of several requests counts once`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        let workload = TestWorkload()
        workload.requests = 3
        var plan = LoadPlan()
        plan.clients = 2
        plan.total = 10
        let result = session.run(workload, plan, over: try server.channels(session, 1))
        #expect(server.asked == 30)
        #expect(result.succeeded == 10)
    }

    @Test func `what is followed ends when it has said enough, and that is no failure`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        let workload = FollowingWorkload()
        var plan = LoadPlan()
        plan.clients = 2
        plan.total = 10
        let result = session.run(workload, plan, over: try server.channels(session, 1))
        #expect(result.succeeded == 10)
        #expect(result.failed == 0)
        #expect(workload.answers == 30)
    }

    @Test func `behind a failure comes one request that counts nowhere`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.failsEvery = 2
        let workload = FollowingWorkload()
        workload.follows = false
        var plan = LoadPlan()
        plan.clients = 1
        plan.total = 9
        let result = session.run(workload, plan, over: try server.channels(session, 1))
        // Asked: fine, failed, cleaned up, failed, cleaned up, …
        #expect(result.failed > 0 && workload.cleaned == result.failed)
        #expect(result.succeeded + result.failed == 9)
        #expect(server.asked == 9 + workload.cleaned)
    }

    @Test func `with a rate no operation begins before its time`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        var plan = LoadPlan()
        plan.clients = 4
        plan.total = 21
        plan.rate = 200
        let result = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        #expect(result.succeeded == 21)
        #expect(result.elapsed >= 0.1)  // the last is meant to begin 20/200 s after the first
    }

    @Test func `an operation that had to wait counts from its intended start`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        var plan = LoadPlan()
        plan.clients = 1
        plan.total = 50
        plan.times = Array(repeating: 0, count: 50)  // all at once, and one client
        let result = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        let latencies = result.kinds[0].latencies
        // The last waited for all before it: its latency is about the whole run.
        #expect(Double(latencies.slowest) / 1e9 > result.elapsed * 0.9)
        #expect(latencies.average > result.elapsed * 0.2)
    }

    @Test func `a duration ends the run, and the warm-up counts nowhere`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        var plan = LoadPlan()
        plan.clients = 2
        plan.duration = .milliseconds(60)
        plan.warmUp = .milliseconds(60)
        let result = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        #expect(result.succeeded > 0)
        #expect(server.asked > result.succeeded)
        #expect(result.elapsed >= 0.06)
    }

    @Test func `where nobody listens every operation fails and the run ends`() throws {
        let session = try LoadSession()
        let free = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0)).port  // closed by now
        let channels = session.channels(
            [try .init("127.0.0.1:\(free)")], count: 1, dialTimeout: .seconds(5))
        var plan = LoadPlan()
        plan.clients = 5
        plan.total = 5
        let result = session.run(TestWorkload(), plan, over: channels)
        #expect(result.succeeded == 0)
        #expect(result.errors.map(\.key.code) == [.unavailable])
        #expect(result.failed == 5)
    }

    @Test func `what is recorded is what was asked`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        var plan = LoadPlan()
        plan.clients = 3
        plan.total = 20
        var recorded = 0
        plan.record = { time, method, _ in
            recorded += time >= 0 && method == .put ? 1 : 0
        }
        _ = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        #expect(recorded == 20)
    }
}
