import Net
import Testing

@testable import HTTP

@Suite struct `HTTP/2 time` {
    @Test func `a call whose time has passed is ended with code 4 and its handler told`() {
        let harness = SessionHarness.connected()
        let fields = Frames.request("/test.Echo/Silent", [("grpc-timeout", "250m")])
        harness.exchange(Frames.headers(1, fields, end: true))
        #expect(harness.application.opened[0].deadline == harness.now + .milliseconds(250))
        harness.advance(.milliseconds(249))
        harness.flush()
        #expect(harness.reader.status(1) == nil)
        harness.advance(.milliseconds(10))
        harness.flush()
        #expect(harness.reader.status(1) == 4)
        #expect(harness.reader.trailers(1)?["grpc-message"] == "context deadline exceeded")
        #expect(harness.application.cancelled.count == 1)
    }

    @Test func `deadlines of many calls are met by one wake-up`() {
        let harness = SessionHarness.connected()
        for index: UInt32 in 0..<100 {
            let fields = Frames.request("/test.Echo/Silent", [("grpc-timeout", "\(1000 - index)m")])
            harness.feed(Frames.headers(2 * index + 1, fields, end: true))
        }
        harness.flush()
        harness.advance(.milliseconds(951))
        harness.flush()
        let ended = (0..<100).filter { harness.reader.status(UInt32(2 * $0 + 1)) == 4 }
        #expect((46...51).contains(ended.count))  // walks are 5 ms apart
        harness.advance(.milliseconds(60))
        harness.flush()
        #expect(harness.application.cancelled.count == 100)
    }

    @Test func `a call that has begun to answer ends with trailers at its deadline`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream", [("grpc-timeout", "1S")])))
        harness.advance(.seconds(2))
        harness.flush()
        #expect(harness.reader.status(1) == 4)
        #expect(harness.session.streams.isEmpty)
    }

    @Test(arguments: [
        ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
        ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("99999999S", .seconds(99_999_999)),
        ("99999999H", .nanoseconds(Int64.max)),
    ])
    func `timeouts are read in every unit`(_ text: String, _ duration: Duration) throws {
        let parsed = unsafe try Array(text.utf8).withUnsafeBytes { unsafe try GRPCTimeout.parse($0) }
        #expect(parsed == duration)
    }

    @Test(arguments: ["", "S", "123456789S", "1x", "-1S", "1.5S", " 1S"])
    func `malformed timeouts are refused`(_ text: String) {
        #expect(throws: GRPCTimeout.Malformed.self) {
            unsafe try Array(text.utf8).withUnsafeBytes { unsafe try GRPCTimeout.parse($0) }
        }
    }

    @Test func `a silent client is pinged and, silent still, closed`() {
        let harness = SessionHarness.connected(
            EchoApplication.configuration {
                $0.keepaliveInterval = .seconds(60)
                $0.keepaliveTimeout = .seconds(20)
            })
        harness.advance(.seconds(61))
        harness.flush()
        #expect(harness.reader.frames.last?.type == 6)
        harness.advance(.seconds(18))
        #expect(!harness.isClosed)
        harness.advance(.seconds(2))
        #expect(harness.isClosed)
    }

    @Test func `a client that answers the ping stays`() {
        let harness = SessionHarness.connected(
            EchoApplication.configuration { $0.keepaliveInterval = .seconds(60) })
        harness.advance(.seconds(61))
        harness.flush()
        harness.exchange(Frames.frame(6, flags: 1, [UInt8](repeating: 0, count: 8)))
        harness.advance(.seconds(59))
        #expect(!harness.isClosed)
    }

    @Test func `a client that pings too often is told to calm down`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")))
        harness.exchange(Frames.ping())  // forgiven: HEADERS were sent since the last one
        for _ in 0..<3 {
            #expect(!harness.isClosing)
            harness.advance(.seconds(1))
            harness.exchange(Frames.ping())
        }
        #expect(harness.isClosing)
        #expect(harness.reader.goAway?.payload.dropFirst(4).prefix(4) == [0, 0, 0, 11])
        #expect(
            harness.reader.goAway.map { String(decoding: $0.payload.dropFirst(8), as: UTF8.self) }
                == "too_many_pings")
    }

    @Test func `a client that pings at the allowed pace stays`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")))
        for _ in 0..<20 {
            harness.advance(.seconds(5))
            harness.exchange(Frames.ping())
        }
        #expect(!harness.isClosing)
    }

    @Test func `draining lets open calls finish and closes behind them`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")))
        harness.session.drain()
        harness.flush()
        #expect(harness.reader.goAway?.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff])
        harness.exchange(Frames.frame(6, flags: 1, [UInt8](repeating: 0, count: 8)))
        #expect(harness.reader.goAway?.payload.prefix(4) == [0, 0, 0, 1])
        #expect(!harness.isClosing)
        harness.exchange(Frames.data(1, Frames.message([5]), end: true))
        #expect(harness.reader.messages(1) == [[5]])
        #expect(harness.reader.status(1) == 0)
        #expect(harness.isClosing)
    }

    @Test func `the answer to a keepalive ping does not end a drain early`() {
        let harness = SessionHarness.connected(
            EchoApplication.configuration { $0.keepaliveInterval = .seconds(60) })
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")))
        harness.advance(.seconds(61))
        harness.flush()
        let ping = harness.reader.frames.last?.payload ?? []
        harness.session.drain()
        harness.flush()
        harness.exchange(Frames.frame(6, flags: 1, ping))
        #expect(harness.reader.goAway?.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff])
        harness.exchange(
            Frames.frame(6, flags: 1, harness.reader.frames.last { $0.type == 6 }?.payload ?? []))
        #expect(harness.reader.goAway?.payload.prefix(4) == [0, 0, 0, 1])
    }
}
