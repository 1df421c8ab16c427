import Net
import Testing

@testable import HTTP

/// Who has something to say: what a session leaves out because it knows that nobody has must be nothing.
@Suite struct `HTTP/2 speakers` {
    /// A session whose connection asks it only when told to, and again only while it is not silent.
    private static func open(_ streams: [UInt32], _ method: String = "Stream") -> SessionHarness {
        let harness = SessionHarness.connected()
        for stream in streams {
            harness.feed(Frames.headers(stream, Frames.request("/test.Echo/\(method)")))
        }
        harness.pump()
        return harness
    }

    @Test func `a message is followed by silence`() {
        let harness = Self.open([1, 3])
        for round in 0..<3 {
            for call in harness.application.opened { call.send([UInt8(round)]) }
            harness.pump()
            #expect(harness.session.isSilent)
            #expect(!harness.session.hasOutput)
        }
        #expect(harness.reader.messages(1) == [[0], [1], [2]])
        #expect(harness.reader.messages(3) == [[0], [1], [2]])
    }

    @Test func `nothing to answer asks for no flush`() {
        let harness = Self.open([1])
        harness.application.opened[0].send([1])
        harness.pump()
        harness.feed(Frames.windowUpdate(0, 1000) + Frames.windowUpdate(1, 1000))
        #expect(!harness.wantsFlush)
        harness.feed(Frames.ping())
        #expect(harness.wantsFlush)
    }

    @Test func `who waits for a window is silent until it opens`() {
        let harness = Self.open([1, 3])
        let calls = harness.application.opened
        let large = [UInt8](repeating: 7, count: 65_535 - 5)  // and a prefix: the connection's window
        calls[0].send(large)
        calls[1].send([1])
        harness.pump()
        #expect(harness.session.isSilent)
        #expect(harness.reader.body(1).count + harness.reader.body(3).count == 65_535)
        harness.feed(Frames.windowUpdate(0, 6))
        #expect(harness.wantsFlush)
        harness.pump()
        #expect(harness.reader.messages(1) == [large])
        #expect(harness.reader.messages(3) == [[1]])
        #expect(harness.session.isSilent)
    }

    @Test func `the end follows the last message at once or later`() {
        let harness = Self.open([1, 3, 5])
        let calls = harness.application.opened
        for call in calls { call.send([1]) }
        calls[0].finish()
        harness.pump()
        #expect(harness.reader.status(1) == 0)
        #expect(harness.reader.status(3) == nil)
        calls[1].finish()
        harness.pump()
        #expect(harness.reader.status(3) == 0)
        calls[2].send([2])
        harness.pump()
        #expect(harness.reader.messages(5) == [[1], [2]])
    }

    @Test func `a drained session closes behind its last call`() {
        let harness = Self.open([1])
        harness.session.drain()
        harness.pump()
        harness.feed(Frames.frame(6, flags: 1, [UInt8](repeating: 0, count: 8)))
        harness.application.opened[0].send([1])
        harness.application.opened[0].finish()
        harness.feed(Frames.data(1, [], end: true))
        harness.pump()
        #expect(harness.reader.status(1) == 0)
        #expect(harness.isClosing)
    }

    @Test func `a reply of any size leaves room for its trailers, and the end is found`() {
        let size = 64 * 1024
        for count in Array(49_000..<49_300) + Array(size - 150..<size + 20) {
            let harness = SessionHarness(EchoApplication.configuration)
            harness.feed(
                Frames.preface + Frames.settings([(4, 0x7fff_ffff)]) + Frames.windowUpdate(0, 0x7000_0000))
            harness.pump(size: size)
            let message = [UInt8](repeating: 1, count: count)
            harness.feed(Frames.headers(1, Frames.request("/test.Echo/Unary")))
            for start in stride(from: 0, to: count + 5, by: 16_000) {
                let part = Array(Frames.message(message)[start..<min(start + 16_000, count + 5)])
                harness.feed(Frames.data(1, part, end: start + 16_000 >= count + 5))
            }
            harness.session.drain()
            harness.pump(size: size)
            harness.feed(Frames.frame(6, flags: 1, [UInt8](repeating: 0, count: 8)))
            harness.pump(size: size)
            #expect(harness.reader.messages(1) == [message])
            #expect(harness.reader.status(1) == 0)
            #expect(harness.isClosing, "\(count) bytes")
        }
    }

    @Test func `what a handler does when its queue ran low has a pass of its own`() {
        let harness = SessionHarness.connected()
        harness.feed(
            Frames.settings([(4, 0x7fff_ffff)]) + Frames.windowUpdate(0, 0x7000_0000)
                + Frames.headers(1, Frames.request("/test.Echo/Flood"))
                + Frames.data(1, Frames.message([UInt8](repeating: 1, count: 5000))))
        harness.pump()
        #expect(harness.application.drainedCount == 1)
        #expect(harness.wantsFlush)
    }

    /// Calls that speak, pause, end and are reset in any order, with windows that run out: whatever was sent
    /// arrives, although the session is asked only when it said that it has output.
    @Test(arguments: 1...40)
    func `whatever is sent arrives`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let harness = Self.open([])
        var sent: [UInt32: [[UInt8]]] = [:]
        var calls: [UInt32: GRPCCall] = [:]
        var ended: Set<UInt32> = []
        var reset: Set<UInt32> = []
        var nextStream: UInt32 = 1
        for _ in 0..<400 {
            let known = calls.keys.sorted()
            let stream = known.isEmpty ? 0 : known[Int.random(in: 0..<known.count, using: &random)]
            switch Int.random(in: 0..<20, using: &random) {
            case 0 where calls.count < 12:
                harness.feed(Frames.headers(nextStream, Frames.request("/test.Echo/Stream")))
                calls[nextStream] = harness.application.opened.last
                nextStream += 2
            case 1..<11 where stream != 0:
                let size = Int.random(in: 0...9, using: &random) == 0 ? 20_000 : 10
                let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ sent.count) }
                calls[stream]?.send(message)
                sent[stream, default: []].append(message)
            case 11 where stream != 0:
                calls.removeValue(forKey: stream)?.finish()
                ended.insert(stream)
            case 12 where stream != 0:
                harness.feed(Frames.reset(stream))
                calls[stream] = nil
                reset.insert(stream)
            case 13 where stream != 0:
                harness.feed(Frames.windowUpdate(stream, 9000) + Frames.windowUpdate(0, 9000))
            case 14: harness.feed(Frames.settings())
            default: harness.pump()
            }
        }
        // All that was held back.
        for stream in stride(from: UInt32(1), to: nextStream, by: 2) {
            harness.feed(Frames.windowUpdate(stream, 1 << 24) + Frames.windowUpdate(0, 1 << 24))
            harness.pump()
        }
        #expect(harness.session.isSilent)
        for stream in stride(from: UInt32(1), to: nextStream, by: 2) where !reset.contains(stream) {
            #expect(harness.reader.messages(stream) == sent[stream] ?? [], "stream \(stream)")
            #expect(harness.reader.status(stream) == (ended.contains(stream) ? 0 : nil))
        }
    }
}
