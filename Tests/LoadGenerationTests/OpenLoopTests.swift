import EtcdClient
import HTTP
import Net
import Testing

@testable import LoadGeneration

@Suite struct `Open loops` {
    private func plan(_ duration: Duration) -> LoadPlan {
        var plan = LoadPlan()
        plan.rate = 1000
        plan.duration = duration
        return plan
    }

    @Test func `what was due before the end counts, however late the server lets it be asked`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.isHeld = true
        session.loop.schedule(at: .now() + .milliseconds(200)) { server.release() }
        let result = session.run(
            TestWorkload(), plan(.milliseconds(50)), over: try server.channels(session, 1))
        #expect(result.succeeded == 50)
        #expect(result.unsent == 0)
        // The last was due 49 ms after the first, and asked 200 ms after it.
        #expect(result.kinds[0].latencies.fastest > 100_000_000)
        #expect(result.pace?.isMissed == true)
        #expect((result.pace?.reached ?? 0) < 300)
    }

    @Test func `a duration without a stall lasts as long as was said, and is on time`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        var plan = plan(.milliseconds(100))
        plan.rate = 20
        let result = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        #expect(result.succeeded == 2)
        #expect(result.elapsed >= 0.1)
        #expect(result.pace?.asked == 20)
    }

    @Test func `an interruption sends nothing more, and says what was due`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.isHeld = true
        session.loop.schedule(at: .now() + .milliseconds(500)) { server.release() }
        var isTold = false
        let result = session.run(
            TestWorkload(), plan(.seconds(60)), over: try server.channels(session, 1)
        ) { run in
            if !isTold { run.interrupt() }
            isTold = true
        }
        #expect(result.isInterrupted)
        #expect(result.succeeded == 1)
        #expect(server.asked == 1)
        #expect(result.unsent >= 90)  // the first tick comes after a tenth of a second
    }

    @Test func `what began in the warm-up is counted nowhere, also where it is never answered`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.isHeld = true
        var plan = LoadPlan()
        plan.clients = 3
        plan.warmUp = .milliseconds(20)
        plan.duration = .milliseconds(50)
        let result = session.run(TestWorkload(), plan, over: try server.channels(session, 1))
        #expect(result.failed == 0 && result.succeeded == 0)
    }

    @Test func `paces count what begins before a time`() throws {
        for rate in [1.0, 3, 7, 30, 333, 1000, 48_000] {
            let pace = Pace.rate(rate)
            for time: Int64 in [1, 100_000_000, 1_000_000_000, 3_000_000_000] {
                let count = pace.count(before: time)
                #expect(pace.begin(of: count) >= time)
                #expect(count == 0 || pace.begin(of: count - 1) < time)
            }
        }
        #expect(Pace.rate(500).count(before: 4_000_000_000) == 2000)
        #expect(Pace.rate(1e9).count(before: .max) == .max)
        #expect(Pace.rate(1e-300).count(before: 1_000_000_000) == 1)
        #expect(Pace.times([0, 5, 5, 9]).count(before: 5) == 1)
        #expect(Pace.times([0, 5, 5, 9]).count(before: 10) == .max)
    }
}

@Suite struct `Tokens` {
    private func run(_ server: TestServer, _ session: LoadSession, total: Int) throws -> LoadResult {
        let channels = try server.channels(session, 2)
        for channel in channels { channel.token = "of the server before" }
        var plan = LoadPlan()
        plan.clients = 8
        plan.total = total
        plan.renewal = try TokenRenewal(user: "root", password: "secret", channels: channels)
        return session.run(TestWorkload(), plan, over: channels)
    }

    @Test func `a token the server no longer knows is renewed once, and no operation fails`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.token = "new"
        let result = try run(server, session, total: 100)
        #expect(result.succeeded == 100)
        #expect(result.failed == 0)
        #expect(server.authenticated == 1)
    }

    @Test func `an operation that is refused with its new token too has failed`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        server.token = "new"
        server.refusesEveryToken = true
        let result = try run(server, session, total: 20)
        #expect(result.succeeded == 0)
        #expect(result.errors == [GRPCStatus(.unauthenticated, "etcdserver: invalid auth token"): 20])
    }
}

@Suite struct `Reaching servers` {
    private func freePort() throws -> UInt16 { try ListeningSocket(.tcp(host: "127.0.0.1", port: 0)).port }

    @Test func `where nobody listens the endpoint is named, and why it cannot be reached`() throws {
        let session = try LoadSession()
        let port = try freePort()  // closed by now
        let channels = session.channels(
            [try Endpoint("http://127.0.0.1:\(port)")], count: 3, dialTimeout: .seconds(5))
        let problem = #expect(throws: LoadSession.Unreachable.self) {
            try session.reach(channels, within: .seconds(5))
        }
        let text = try #require(problem?.description)
        #expect(text.hasPrefix("endpoint http://127.0.0.1:\(port) cannot be reached"))
        #expect(text.contains("dial tcp 127.0.0.1:\(port): connect: connection refused"))
    }

    @Test func `one endpoint of several is enough`() throws {
        let session = try LoadSession()
        let server = try TestServer(session)
        let endpoints = [
            try Endpoint("127.0.0.1:\(try freePort())"), try Endpoint("127.0.0.1:\(server.port)"),
        ]
        let channels = session.channels(endpoints, count: 3, dialTimeout: .seconds(5))
        try session.reach(channels, within: .seconds(5))
        #expect(channels.map(\.endpoint.port) == [server.port, server.port, server.port])
    }

    @Test func `a server that takes connections and answers nothing is not reached`() throws {
        let session = try LoadSession()
        let silent = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let channels = session.channels(
            [try Endpoint("127.0.0.1:\(silent.port)")], count: 1, dialTimeout: .milliseconds(50))
        let problem = #expect(throws: LoadSession.Unreachable.self) {
            try session.reach(channels, within: .milliseconds(50))
        }
        #expect(problem?.description.hasSuffix("cannot be reached: no answer") == true)
    }
}
