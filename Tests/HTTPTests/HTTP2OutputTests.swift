import Net
import Testing

@testable import HTTP

@Suite struct `HTTP/2 output` {
    private func size(_ count: Int) -> [UInt8] { Frames.message(Frames.bigEndian(UInt32(count))) }

    private func wideOpen(_ configuration: HTTPConfiguration = EchoApplication.configuration)
        -> SessionHarness
    {
        let harness = SessionHarness(configuration)
        harness.exchange(
            Frames.preface + Frames.settings([(4, 0x7fff_ffff)]) + Frames.windowUpdate(0, 0x7000_0000))
        return harness
    }

    @Test func `a message source streams through a window in constant memory`() {
        let harness = wideOpen()
        let count = 5_000_000
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Source")) + Frames.data(1, size(count), end: true))
        let message = harness.reader.messages(1).first
        #expect(message?.count == count)
        #expect(message?.enumerated().allSatisfy { $0.element == PatternSource.byte($0.offset) } == true)
        #expect(harness.reader.status(1) == 0)
        #expect(harness.application.releasedSources == 1)
        #expect(harness.session.unsentBytes == 0)
    }

    @Test(arguments: [17_000, 17_500, 40_000, 100_000])
    func `frames come out whole through write buffers of any size`(_ bufferBytes: Int) {
        let harness = wideOpen()
        harness.feed(
            Frames.headers(1, Frames.request("/test.Echo/Source")) + Frames.data(1, size(200_000), end: true))
        harness.flush(size: bufferBytes)
        #expect(harness.reader.messages(1).first?.count == 200_000)
        #expect(harness.reader.status(1) == 0)
    }

    @Test func `a client that opens no window gets exactly its first window`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Source"))
                + Frames.data(1, size(1_000_000), end: true))
        #expect(harness.reader.body(1).count == 65_535)
        harness.exchange(Frames.windowUpdate(0, 10) + Frames.windowUpdate(1, 10))
        #expect(harness.reader.body(1).count == 65_545)
    }

    @Test func `a source that no one reads is cut off after the stall time and released`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Source"))
                + Frames.data(1, size(1_000_000), end: true))
        harness.advance(.seconds(50))
        harness.exchange(Frames.windowUpdate(0, 10) + Frames.windowUpdate(1, 10))
        harness.advance(.seconds(59))
        harness.flush()
        #expect(harness.application.releasedSources == 0)
        harness.advance(.seconds(2))
        harness.flush()
        #expect(harness.application.releasedSources == 1)
        #expect(harness.reader.frames(of: 1).last?.type == 3)
        #expect(harness.reader.frames(of: 1).last?.number == 8)
        #expect(harness.session.streams.isEmpty)
    }

    @Test func `a source is released after the stall time though nothing can be written`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Source"))
                + Frames.data(1, size(1_000_000), end: true))
        harness.advance(.seconds(61))  // the connection is full: nobody pulls output
        #expect(harness.application.releasedSources == 1)
        harness.flush()
        #expect(harness.reader.frames(of: 1).last?.number == 8)
        #expect(harness.application.releasedSources == 1)
    }

    @Test func `a source that fails resets its stream and no other`() {
        let harness = wideOpen()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/BrokenSource"))
                + Frames.data(1, size(100_000), end: true)
                + Frames.headers(3, Frames.request("/test.Echo/Unary"))
                + Frames.data(3, Frames.message([1]), end: true))
        #expect(harness.reader.frames(of: 1).last?.type == 3)
        #expect(harness.reader.frames(of: 1).last?.number == 2)
        #expect(harness.reader.status(3) == 0)
        #expect(harness.application.releasedSources == 1)
        #expect(!harness.isClosed)
    }

    @Test func `a queue that falls below low water tells its handler once`() {
        let harness = SessionHarness.connected()
        let kilobyte = [UInt8](repeating: 1, count: 1000)
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Flood")) + Frames.data(1, Frames.message(kilobyte)))
        #expect(harness.application.drainedCount == 1)
        let call = harness.application.opened[0]
        #expect(call.queuedBytes < 64 * 1024)
        harness.exchange(Frames.windowUpdate(0, 10_000) + Frames.windowUpdate(1, 10_000))
        #expect(harness.application.drainedCount == 1)
        #expect(call.queuedBytes == 0)
    }

    @Test func `unread replies are bounded and refuse new calls, then are forgotten`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.unsentBytesMax = 100_000 })
        let large = Frames.message([UInt8](repeating: 1, count: 90_000))
        for stream: UInt32 in [1, 3] {
            harness.feed(Frames.headers(stream, Frames.request("/test.Echo/Unary")))
            for start in stride(from: 0, to: large.count, by: 16_000) {
                harness.feed(Frames.data(stream, Array(large[start..<min(start + 16_000, large.count)])))
            }
        }
        harness.exchange(Frames.headers(5, Frames.request("/test.Echo/Unary")))
        #expect(harness.reader.status(5) == 8)
        harness.exchange(Frames.reset(1) + Frames.reset(3))
        #expect(harness.session.unsentBytes == 0)
        harness.exchange(
            Frames.headers(7, Frames.request("/test.Echo/Unary")) + Frames.windowUpdate(0, 1000)
                + Frames.data(7, Frames.message([1]), end: true))
        #expect(harness.reader.status(7) == 0)
    }

    @Test func `gzip messages are inflated, and bounded after inflation`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.messageBytesMax = 1000 })
        let fields = Frames.request("/test.Echo/Unary", [("grpc-encoding", "gzip")])
        harness.exchange(
            Frames.headers(1, fields)
                + Frames.data(1, Frames.message(Fixtures.gzipHello, compressed: 1), end: true)
                + Frames.headers(3, fields)
                + Frames.data(3, Frames.message(Fixtures.gzipZeros, compressed: 1), end: true)
                + Frames.headers(5, fields)
                + Frames.data(5, Frames.message([1, 2, 3], compressed: 1), end: true)
                + Frames.headers(7, fields) + Frames.data(7, Frames.message([1, 2, 3]), end: true))
        #expect(harness.reader.messages(1) == [Array("hello hello hello".utf8)])
        #expect(harness.reader.status(3) == 8)
        #expect(
            harness.reader.trailers(3)?["grpc-message"]
                == "grpc: received message after decompression larger than max 1000")
        #expect(harness.reader.status(5) == 13)
        #expect(harness.reader.messages(7) == [[1, 2, 3]])
    }

    @Test(arguments: [
        (UInt8(1), "grpc: compressed flag set with identity or empty encoding"),
        (UInt8(2), "grpc: received unexpected payload format 2"),
    ])
    func `a message with a wrong first byte is refused`(_ flag: UInt8, _ text: String) {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary"))
                + Frames.data(1, Frames.message([1], compressed: flag), end: true))
        #expect(harness.reader.status(1) == 13)
        #expect(harness.reader.trailers(1)?["grpc-message"] == text)
    }
}
