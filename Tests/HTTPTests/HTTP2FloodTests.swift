import Net
import Testing

@testable import HTTP

@Suite struct `HTTP/2 floods` {
    @Test func `SETTINGS that are never acknowledged by reading end the connection`() {
        let harness = SessionHarness.connected()
        for _ in 0..<1100 { harness.feed(Frames.settings([(4, 70_000)])) }
        #expect(harness.isClosed)
    }

    @Test func `PINGs that are never read end the connection`() {
        let harness = SessionHarness.connected()
        for _ in 0..<1100 { harness.feed(Frames.ping()) }
        #expect(harness.isClosed || harness.isClosing)
    }

    @Test func `rapid resets end the connection with GOAWAY`() {
        let harness = SessionHarness.connected(
            EchoApplication.configuration {
                $0.resetsBurst = 100
                $0.resetsPerSecond = 1
            })
        for index: UInt32 in 0..<300 where harness.reader.goAway == nil {
            harness.exchange(
                Frames.headers(2 * index + 1, Frames.request("/test.Echo/Silent"))
                    + Frames.reset(2 * index + 1))
        }
        #expect(harness.reader.goAway != nil)
        #expect(harness.application.opened.count <= 105)
        #expect(harness.application.opened.allSatisfy { !$0.isOpen })
    }

    @Test func `a header block of endless CONTINUATIONs ends the connection`() {
        let harness = SessionHarness.connected()
        harness.feed(Frames.frame(1, flags: 0, stream: 1, Frames.block([("a", "b")])))
        for _ in 0..<20 { harness.feed(Frames.frame(9, flags: 0, stream: 1, Frames.block([("a", "b")]))) }
        harness.flush()
        #expect(harness.isClosed || harness.reader.goAway != nil)
        #expect(harness.application.opened.isEmpty)
    }

    @Test func `a header list that inflates beyond its bound resets the stream`() {
        let harness = SessionHarness.connected()
        // One large field enters HPACK's table, then each byte names it again.
        let value = String(repeating: "x", count: 3000)
        let entry = [UInt8(0x40)] + Frames.block([("bomb", value)]).dropFirst()
        let bomb =
            Frames.block(Frames.request("/test.Echo/Unary")) + entry + [UInt8](repeating: 0xbe, count: 1000)
        harness.exchange(Frames.frame(1, flags: 5, stream: 1, bomb))
        #expect(harness.application.opened.isEmpty)
        #expect(harness.reader.frames(of: 1).last?.type == 3)
        harness.exchange(
            Frames.headers(3, Frames.request("/test.Echo/Unary"))
                + Frames.data(3, Frames.message([1]), end: true))
        #expect(harness.reader.status(3) == 0)
    }

    @Test func `streams beyond the advertised number are refused, as by grpc-go, and may be repeated`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.concurrentStreamsMax = 3 })
        #expect(harness.reader.frames[0].payload.prefix(6) == [0, 3, 0, 0, 0, 3])
        for stream: UInt32 in [1, 3, 5, 7] {
            harness.exchange(Frames.headers(stream, Frames.request("/test.Echo/Stream")))
        }
        #expect(harness.application.opened.count == 3)
        #expect(harness.reader.frames(of: 7).map(\.type) == [3])
        #expect(harness.reader.frames(of: 7).last?.number == 7)
        harness.exchange(Frames.data(1, [], end: true))
        harness.exchange(Frames.headers(9, Frames.request("/test.Echo/Stream")))
        #expect(harness.application.opened.count == 4)
    }

    @Test func `calls beyond the bound of one connection are refused and may be repeated`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.openCallsMax = 2 })
        for stream: UInt32 in [1, 3, 5] {
            harness.exchange(Frames.headers(stream, Frames.request("/test.Echo/Stream")))
        }
        #expect(harness.application.opened.count == 2)
        #expect(harness.reader.frames(of: 5).last?.number == 7)
        harness.exchange(Frames.data(1, [], end: true))
        harness.exchange(Frames.headers(7, Frames.request("/test.Echo/Stream")))
        #expect(harness.application.opened.count == 3)
    }

    @Test func `refusals that are never read end the connection`() {
        let harness = SessionHarness.connected()
        // A large content-type enters HPACK's table; each request names it, and its refusal repeats it.
        let type = String(repeating: "x", count: 3000)
        let entry = [UInt8(0x40)] + Frames.block([("content-type", type)]).dropFirst()
        harness.exchange(Frames.frame(1, flags: 5, stream: 1, entry))
        #expect(harness.reader.status(1) == 3)
        for index: UInt32 in 1..<10_000 where !harness.isClosed {
            harness.feed(Frames.frame(1, flags: 5, stream: 2 * index + 1, [0xbe]))
        }
        #expect(harness.isClosed)
        #expect(harness.session.control.count < 8 << 20)
    }

    @Test func `as many refusals as one read can ask for are given`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.openCallsMax = 0 })
        let entries = Frames.request("/test.Echo/Unary").flatMap { [0x40] + Frames.block([$0]).dropFirst() }
        harness.exchange(Frames.frame(1, flags: 5, stream: 1, entries))
        let again = (1..<4000).flatMap {
            Frames.frame(1, flags: 5, stream: 2 * UInt32($0) + 1, [0xc3, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe])
        }
        harness.exchange(again)
        #expect(harness.reader.frames.count { $0.type == 3 && $0.number == 7 } == 4000)
        #expect(!harness.isClosed)
    }

    @Test func `SETTINGS of very many values end the connection`() {
        for (count, isTooMany) in [(32, false), (33, true), (2730, true)] {
            let harness = SessionHarness.connected()
            harness.exchange(Frames.settings((0..<count).map { (4, UInt32($0 % 2)) }))
            #expect((harness.reader.goAway?.payload.suffix(4) == [0, 0, 0, 11]) == isTooMany)
        }
    }

    @Test func `making us reset streams is as bad as resetting them`() {
        let mistakes: [(UInt32) -> [UInt8]] = [
            { Frames.windowUpdate($0, 0) }, { Frames.windowUpdate($0, 0x7fff_ffff) },
            { Frames.data($0, [], end: true) + Frames.data($0, [1]) },
            { Frames.data($0, [], end: true) + Frames.headers($0, [], end: true) },
        ]
        for mistake in mistakes {
            let harness = SessionHarness.connected(EchoApplication.configuration { $0.resetsBurst = 100 })
            for index: UInt32 in 0..<300 where harness.reader.goAway == nil {
                let stream = 2 * index + 1
                harness.exchange(
                    Frames.headers(stream, Frames.request("/test.Echo/Silent")) + mistake(stream))
            }
            #expect(harness.reader.goAway?.payload.suffix(4) == [0, 0, 0, 11])
            #expect(harness.application.opened.count == 101)
        }
    }

    @Test func `what comes behind a ping too many is no call any more`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")) + Frames.ping())
        let pings = (0..<8).flatMap { _ in Frames.ping() }
        harness.exchange(pings + Frames.headers(3, Frames.request("/test.Echo/Unary")))
        // GOAWAY tells the client that it may ask again elsewhere.
        #expect(harness.reader.goAway?.payload.prefix(4) == [0, 0, 0, 1])
        #expect(harness.application.opened.map(\.streamID) == [1])
    }

    @Test func `calls that end while nothing is read are let go of`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.resetsBurst = 10_000 })
        let part = Frames.message([UInt8](repeating: 0, count: 10_000)).dropLast()
        for index: UInt32 in 0..<1000 {
            harness.feed(
                Frames.headers(2 * index + 1, Frames.request("/test.Echo/Stream"))
                    + Frames.data(2 * index + 1, Array(part)) + Frames.reset(2 * index + 1))
        }
        #expect(harness.session.streams.isEmpty)
        #expect(harness.session.ready.count < 200)
        #expect(harness.session.partialBytes == 0)
        #expect(harness.application.opened.allSatisfy { $0.assembler.heldBytes == 0 })
    }

    @Test func `bytes that are no HTTP/2 close the connection`() {
        let harness = SessionHarness()
        harness.feed(Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8))
        #expect(harness.isClosed)
    }

    @Test func `garbage frames never trap`() {
        var random = SeededGenerator(seed: 0x5eed)
        for _ in 0..<3000 {
            let harness = SessionHarness.connected()
            for _ in 0..<6 {
                let payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                harness.exchange(
                    Frames.frame(
                        UInt8.random(in: 0...10, using: &random),
                        flags: UInt8.random(in: 0...255, using: &random),
                        stream: UInt32.random(in: 0...5, using: &random), payload))
            }
            harness.session.closed()
            #expect(harness.application.opened.allSatisfy { !$0.isOpen })
        }
    }

    @Test func `garbage messages on good frames never trap`() {
        var random = SeededGenerator(seed: 0xbad)
        for _ in 0..<2000 {
            let harness = SessionHarness.connected(EchoApplication.configuration { $0.messageBytesMax = 100 })
            harness.feed(
                Frames.headers(1, Frames.request("/test.Echo/Stream", [("grpc-encoding", "gzip")])))
            for _ in 0..<8 {
                let bytes = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                    UInt8.random(in: 0...3, using: &random)
                }
                harness.feed(Frames.data(1, bytes))
            }
            harness.flush()
            harness.session.closed()
            #expect(harness.session.unsentBytes == 0)
            #expect(harness.session.partialBytes == 0)
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
