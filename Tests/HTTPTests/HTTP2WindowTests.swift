import Testing

@testable import HTTP

/// RFC 9113 sections 5.2 and 6.9: who may send how much, in both directions.
@Suite struct `HTTP/2 windows` {
    private static let windowBytes = Int(HTTPLimits().windowBytes)

    private static func open(_ streams: [UInt32], _ method: String = "Silent") -> SessionHarness {
        let harness = SessionHarness.connected()
        for stream in streams {
            harness.exchange(Frames.headers(stream, Frames.request("/test.Echo/\(method)")))
        }
        return harness
    }

    /// DATA that is one unfinished message, as frames.
    private static func fill(_ stream: UInt32, _ count: Int) -> [UInt8] {
        var left = count
        var bytes: [UInt8] = []
        while left > 0 {
            bytes += Frames.data(stream, [UInt8](repeating: 0, count: min(left, 16_384)))
            left -= 16_384
        }
        return bytes
    }

    private static func updates(_ harness: SessionHarness, _ stream: UInt32) -> [UInt32] {
        harness.reader.frames(of: stream).filter { $0.type == 8 }.map(\.number)
    }

    // Theirs.

    @Test func `our windows are what SETTINGS and a first WINDOW_UPDATE say`() {
        let harness = SessionHarness.connected()
        let settings = harness.reader.frames[0].payload
        #expect(Array(settings[6..<12]) == [0, 4] + Frames.bigEndian(UInt32(Self.windowBytes)))
        #expect(Self.updates(harness, 0) == [UInt32(Self.windowBytes - 65_535)])
    }

    @Test func `a window is opened when half of it is used, and by as much as that`() {
        let harness = Self.open([1])
        harness.exchange(Self.fill(1, Self.windowBytes / 2 - 1))
        #expect(Self.updates(harness, 1) == [])
        harness.exchange(Frames.data(1, [0]))
        #expect(Self.updates(harness, 1) == [UInt32(Self.windowBytes / 2)])
        #expect(Self.updates(harness, 0).dropFirst() == [UInt32(Self.windowBytes / 2)])
    }

    @Test func `padding counts`() {
        let harness = Self.open([1])
        harness.exchange(Self.fill(1, Self.windowBytes / 2 - 256))
        harness.exchange(Frames.frame(0, flags: 8, stream: 1, [255] + [UInt8](repeating: 0, count: 255)))
        #expect(Self.updates(harness, 1) == [UInt32(Self.windowBytes / 2)])
    }

    @Test func `a stream that sends beyond its window is reset, and the connection goes on`() {
        // Two frames in one read, so that no WINDOW_UPDATE lies between them: a stream that was ended at once
        // gets none any more.
        let harness = Self.open([1, 3])
        let stream = harness.session.streams[0]
        stream.receivedBytes = Self.windowBytes - 10
        harness.exchange(Frames.data(1, [UInt8](repeating: 0, count: 11)))
        #expect(harness.reader.frames(of: 1).last?.type == 3)
        #expect(harness.reader.frames(of: 1).last?.number == HTTP2ErrorCode.flowControlError.rawValue)
        #expect(harness.reader.goAway == nil)
        #expect(harness.session.streams.map(\.streamID) == [3])
    }

    @Test func `a client that sends beyond the connection's window is cut off`() {
        let harness = Self.open([1])
        harness.session.receivedBytes = Self.windowBytes - 10
        harness.exchange(Frames.data(1, [UInt8](repeating: 0, count: 11)))
        #expect(harness.reader.goAway?.payload.suffix(4) == [0, 0, 0, 3])
    }

    @Test func `the window exactly used up is no mistake`() {
        let harness = Self.open([1])
        harness.session.receivedBytes = Self.windowBytes - 10
        harness.session.streams[0].receivedBytes = Self.windowBytes - 10
        harness.exchange(Frames.data(1, [UInt8](repeating: 0, count: 10)))
        #expect(harness.reader.goAway == nil)
        #expect(Self.updates(harness, 1) == [UInt32(Self.windowBytes)])
    }

    @Test(arguments: ["reset by us", "reset by them", "answered", "refused"])
    func `what comes for a stream that has ended still opens the connection's window`(_ how: String) {
        let harness = Self.open([1])
        switch how {
        case "reset by us": harness.exchange(Frames.windowUpdate(1, 0))
        case "reset by them": harness.exchange(Frames.reset(1))
        case "answered":
            harness.application.opened[0].finish()
            harness.flush()
        default:
            harness.exchange(Frames.headers(3, [(":method", "GET")]))
        }
        let stream: UInt32 = how == "refused" ? 3 : 1
        for _ in 0..<10 { harness.exchange(Self.fill(stream, Self.windowBytes / 2)) }
        #expect(harness.reader.goAway == nil)
        #expect(
            Self.updates(harness, 0).dropFirst()
                == Array(repeating: UInt32(Self.windowBytes / 2), count: 10)[...])
        #expect(Self.updates(harness, stream) == [])
        #expect(harness.application.messages.isEmpty)
        #expect(harness.session.partialBytes == 0)
    }

    @Test func `an answer while DATA of the call is under way passes over its rest`() {
        let harness = Self.open([1], "Unary")
        let bytes = Frames.data(
            1, Frames.message([1, 2]) + Frames.message([3]) + [UInt8](repeating: 0, count: 90))
        harness.exchange(Array(bytes[..<16]))  // the head and the first message
        #expect(harness.reader.status(1) == 0)
        harness.exchange(Array(bytes[16..<30]))
        harness.exchange(Array(bytes[30...]) + Frames.ping())
        #expect(harness.application.messages == [[1, 2]])
        #expect(harness.reader.frames.last?.type == 6)
    }

    // Ours.

    /// A call that has queued so many bytes, prefix included, on a session whose connection is asked only
    /// when it was told to.
    private static func speaking(_ count: Int, _ settings: [(id: UInt16, value: UInt32)] = [])
        -> SessionHarness
    {
        let harness = SessionHarness.connected()
        harness.feed(Frames.settings(settings) + Frames.headers(1, Frames.request("/test.Echo/Stream")))
        harness.pump()
        harness.application.opened[0].send([UInt8](repeating: 5, count: count - 5))
        harness.pump()
        return harness
    }

    @Test func `a window of one byte lets one byte through at a time`() {
        let harness = Self.speaking(20, [(4, 1)])
        for count in 1...20 {
            #expect(harness.reader.body(1).count == count)
            harness.feed(Frames.windowUpdate(1, 1))
            harness.pump()
        }
        #expect(harness.reader.messages(1).map(\.count) == [15])
    }

    @Test func `without a window there are headers and trailers all the same`() {
        let harness = Self.speaking(20, [(4, 0)])
        #expect(harness.reader.frames(of: 1).map(\.type) == [1])
        harness.feed(Frames.headers(3, Frames.request("/test.Echo/Fail"), end: true))
        harness.feed(Frames.headers(5, Frames.request("/test.Echo/Stream"), end: true))
        harness.pump()
        #expect(harness.reader.status(3) == 5)
        #expect(harness.reader.status(5) == 0)
    }

    @Test func `6_9_2 SETTINGS that open the windows of streams wake who waits`() {
        let harness = Self.speaking(20, [(4, 0)])
        harness.feed(Frames.settings([(4, 7)]))
        #expect(harness.wantsFlush)
        harness.pump()
        #expect(harness.reader.body(1).count == 7)
        harness.feed(Frames.settings([(4, 100)]))
        harness.pump()
        #expect(harness.reader.messages(1).map(\.count) == [15])
    }

    @Test func `6_9_2 a window may become negative and must then be filled up first`() {
        let harness = Self.speaking(1000, [(4, 600)])
        #expect(harness.reader.body(1).count == 600)
        harness.feed(Frames.settings([(4, 100)]))  // -500
        harness.feed(Frames.windowUpdate(1, 500))  // 0
        harness.pump()
        #expect(harness.reader.body(1).count == 600)
        harness.feed(Frames.windowUpdate(1, 1))
        harness.pump()
        #expect(harness.reader.body(1).count == 601)
        harness.feed(Frames.settings([(4, 0)]) + Frames.settings([(4, 500)]))  // -100, 400
        harness.pump()
        #expect(harness.reader.messages(1).map(\.count) == [995])
    }

    @Test func `6_9_2 the connection's window is not changed by SETTINGS`() {
        let harness = Self.speaking(100_000, [(4, 1 << 20)])
        #expect(harness.reader.body(1).count == 65_535)
        harness.feed(Frames.settings([(4, 1 << 24)]))
        harness.pump()
        #expect(harness.reader.body(1).count == 65_535)
        harness.feed(Frames.windowUpdate(0, 1 << 20))
        harness.pump()
        #expect(harness.reader.body(1).count == 100_000)
    }

    @Test func `who waits for both windows goes on when both are open, in either order`() {
        for order in [[0, 1], [1, 0]] as [[UInt32]] {
            let harness = Self.speaking(70_000)
            for stream in order {
                #expect(harness.reader.body(1).count == 65_535)
                harness.feed(Frames.windowUpdate(stream, 10_000))
                harness.pump()
            }
            #expect(harness.reader.body(1).count == 70_000)
        }
    }

    @Test func `a stream that waited for the connection and lost its own window is not forgotten`() {
        let harness = Self.speaking(70_000, [(4, 66_000)])
        #expect(harness.reader.body(1).count == 65_535)  // waits for the connection, 465 of its own
        harness.feed(Frames.settings([(4, 0)]) + Frames.windowUpdate(0, 10_000))
        harness.pump()
        #expect(harness.reader.body(1).count == 65_535)
        harness.feed(Frames.windowUpdate(1, 65_535 + 100))
        harness.pump()
        #expect(harness.reader.body(1).count == 65_635)
        harness.feed(Frames.settings([(4, 70_000)]))
        harness.pump()
        #expect(harness.reader.body(1).count == 70_000)
    }

    @Test func `streams that ended while they waited for the connection are let go of`() {
        let harness = SessionHarness.connected()
        harness.feed(Frames.settings([(4, 1 << 20)]))
        weak var first: GRPCCall?
        for index: UInt32 in 0..<1000 {
            let stream = 2 * index + 1
            harness.feed(Frames.headers(stream, Frames.request("/test.Echo/Stream")))
            harness.application.opened.last?.send([UInt8](repeating: 1, count: 66_000))
            harness.pump()
            if index == 1 { first = harness.application.opened.last }
            harness.feed(Frames.reset(stream))
            harness.application.opened.removeAll()
            harness.application.cancelled.removeAll()
        }
        #expect(harness.session.streams.isEmpty)
        #expect(harness.session.blocked.count < 200)
        #expect(first == nil)
    }

    @Test func `many that wait for the connection take turns, a frame each`() {
        let streams = (0..<50).map { 2 * UInt32($0) + 1 }
        let harness = SessionHarness.connected()
        harness.feed(Frames.settings([(4, 1 << 20)]))
        for stream in streams { harness.feed(Frames.headers(stream, Frames.request("/test.Echo/Stream"))) }
        for call in harness.application.opened { call.send([UInt8](repeating: 1, count: 20_000 - 5)) }
        harness.pump()
        for _ in 0..<200 {
            harness.feed(Frames.windowUpdate(0, 10_000))
            #expect(harness.session.ready.isEmpty)  // nobody is woken in vain
            harness.pump()
        }
        #expect(streams.allSatisfy { harness.reader.messages($0).map(\.count) == [20_000 - 5] })
        // Nobody had a second turn before everyone had a first.
        let order = harness.reader.frames.filter { $0.type == 0 }.map(\.stream)
        #expect(Set(order.prefix(55)).count >= 49)
    }
}
