import Testing

@testable import HTTP

/// What RFC 9113 demands of a server, section by section, much as h2spec asks it.
@Suite struct `HTTP/2 conformance` {
    /// What is said to something wrong, by the codes of section 7.
    enum Verdict: Equatable, Sendable {
        case fine
        /// RST_STREAM for stream 1, and the connection goes on.
        case stream(HTTP2ErrorCode)
        /// GOAWAY, and nothing after it.
        case connection(HTTP2ErrorCode)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let verdict: Verdict

        init(_ description: String, _ bytes: [UInt8], _ verdict: Verdict) {
            (testDescription, self.bytes, self.verdict) = (description, bytes, verdict)
        }
    }

    private static let silent = Frames.request("/test.Echo/Silent")
    private static let block = Frames.block(silent)
    private static let open = Frames.headers(1, silent)
    private static let halfClosed = Frames.headers(1, silent, end: true)
    private static let answered =
        Frames.headers(1, Frames.request("/test.Echo/Unary")) + Frames.data(1, Frames.message([1]), end: true)
    private static let cancelled = open + Frames.reset(1)
    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8]
    {
        Frames.frame(type, flags: flags, stream: stream, payload)
    }

    static let frames: [Case] = [
        Case("4.1 a type nobody knows", frame(0xee, 0xff, 1, zeros(9)), .fine),
        Case("4.1 flags nobody knows", open + frame(0, 0xf6 & ~8, 1, Frames.message([1])), .fine),
        Case("4.1 the reserved bit", open + frame(0, 1, 0x8000_0001, Frames.message([1])), .fine),
        Case("4.2 DATA of the greatest size", open + frame(0, 0, 1, zeros(16_384)), .fine),
        Case("4.2 DATA too large", open + frame(0, 0, 1, zeros(16_385)), .connection(.frameSizeError)),
        Case("4.2 HEADERS too large", frame(1, 5, 1, zeros(16_385)), .connection(.frameSizeError)),
        Case("4.2 SETTINGS too large", frame(4, 0, 0, zeros(16_386)), .connection(.frameSizeError)),
        Case("4.2 an unknown type too large", frame(99, 0, 0, zeros(16_385)), .connection(.frameSizeError)),
        Case("4.3 an index nobody filled", frame(1, 5, 1, [0xff, 0x20]), .connection(.compressionError)),
        Case("4.3 a block that breaks off", frame(1, 5, 1, [0x40, 5, 65]), .connection(.compressionError)),
        Case(
            "4.3 a bad block of a closed stream", cancelled + frame(1, 5, 1, [0x80]),
            .connection(.compressionError)),
        Case("4.3 bad trailers", open + frame(1, 5, 1, [0x80]), .connection(.compressionError)),
        Case(
            "4.3 PRIORITY inside of a block", frame(1, 0, 1, block) + frame(2, 0, 1, zeros(5)),
            .connection(.protocolError)),
        Case(
            "4.3 DATA inside of a block", frame(1, 0, 1, block) + Frames.data(1, []),
            .connection(.protocolError)),
        Case(
            "4.3 HEADERS inside of a block", frame(1, 0, 1, block) + Frames.headers(3, silent),
            .connection(.protocolError)),
        Case(
            "4.3 an unknown type inside of a block", frame(1, 0, 1, block) + frame(22, 0, 1, []),
            .connection(.protocolError)),
        Case(
            "4.3 another stream's CONTINUATION", frame(1, 0, 1, block) + frame(9, 4, 3, []),
            .connection(.protocolError)),
        Case("5.1 DATA, idle", Frames.data(1, []), .connection(.protocolError)),
        Case("5.1 RST_STREAM, idle", Frames.reset(1), .connection(.protocolError)),
        Case("5.1 WINDOW_UPDATE, idle", Frames.windowUpdate(1, 1), .connection(.protocolError)),
        Case("5.1 CONTINUATION, idle", frame(9, 4, 1, block), .connection(.protocolError)),
        Case("5.1 PRIORITY, idle", frame(2, 0, 1, zeros(5)), .fine),
        Case("5.1 DATA of a server's stream", Frames.data(2, []), .connection(.protocolError)),
        Case(
            "5.1 WINDOW_UPDATE of a server's stream", open + Frames.windowUpdate(2, 1),
            .connection(.protocolError)),
        Case("5.1 DATA, half-closed", halfClosed + Frames.data(1, [1]), .stream(.streamClosed)),
        Case(
            "5.1 DATA of no bytes, half-closed", halfClosed + Frames.data(1, [], end: true),
            .stream(.streamClosed)),
        Case("5.1 padded DATA, half-closed", halfClosed + frame(0, 8, 1, [1, 2, 0]), .stream(.streamClosed)),
        Case(
            "5.1 trailers, half-closed", halfClosed + Frames.headers(1, silent, end: true),
            .stream(.streamClosed)),
        Case("5.1 HEADERS, half-closed", halfClosed + Frames.headers(1, silent), .stream(.streamClosed)),
        Case(
            "5.1 the rest, half-closed", halfClosed + Frames.windowUpdate(1, 1) + frame(2, 0, 1, zeros(5)),
            .fine),
        // We cannot tell them from what crossed our RST_STREAM or END_STREAM (section 5.1, closed).
        Case("5.1 DATA, reset by the client", cancelled + Frames.data(1, [1], end: true), .fine),
        Case("5.1 HEADERS, reset by the client", cancelled + Frames.headers(1, silent, end: true), .fine),
        Case(
            "5.1 the rest, reset by the client", cancelled + Frames.windowUpdate(1, 1) + Frames.reset(1),
            .fine),
        Case(
            "5.1 the rest, answered", answered + Frames.windowUpdate(1, 1) + frame(2, 0, 1, zeros(5)), .fine),
        Case("5.1.1 an even number", Frames.headers(2, silent), .connection(.protocolError)),
        Case("5.1.1 a number left out", Frames.headers(5, silent) + Frames.headers(3, silent), .fine),
        Case("6.1 DATA, stream 0", Frames.data(0, [1]), .connection(.protocolError)),
        Case("6.1 all padding", open + frame(0, 8, 1, [3, 0, 0, 0]), .fine),
        Case(
            "6.1 padding as long as the payload", open + frame(0, 8, 1, [4, 0, 0, 0]),
            .connection(.protocolError)),
        Case("6.1 no room for the padding's length", open + frame(0, 8, 1, []), .connection(.frameSizeError)),
        Case("6.2 HEADERS, stream 0", Frames.headers(0, silent), .connection(.protocolError)),
        Case(
            "6.2 padding longer than the payload", frame(1, 0xd, 1, [255] + block),
            .connection(.protocolError)),
        Case("6.2 no room for the padding's length", frame(1, 0xd, 1, []), .connection(.frameSizeError)),
        Case("6.2 no room for the priority", frame(1, 0x25, 1, zeros(4)), .connection(.frameSizeError)),
        Case("6.3 PRIORITY, stream 0", frame(2, 0, 0, zeros(5)), .connection(.protocolError)),
        Case("6.3 PRIORITY of 4 bytes", frame(2, 0, 1, zeros(4)), .connection(.frameSizeError)),
        Case("6.4 RST_STREAM, stream 0", Frames.reset(0), .connection(.protocolError)),
        Case("6.4 RST_STREAM of 3 bytes", open + frame(3, 0, 1, zeros(3)), .connection(.frameSizeError)),
        Case("6.4 a code nobody knows", open + Frames.reset(1, 0xffff_ffff), .fine),
        Case("6.5 an acknowledgement with a payload", frame(4, 1, 0, zeros(6)), .connection(.frameSizeError)),
        Case("6.5 SETTINGS, stream 1", frame(4, 0, 1, []), .connection(.protocolError)),
        Case("6.5 an acknowledgement, stream 1", frame(4, 1, 1, []), .connection(.protocolError)),
        Case("6.5 SETTINGS of 5 bytes", frame(4, 0, 0, zeros(5)), .connection(.frameSizeError)),
        Case("6.5.2 ENABLE_PUSH 2", Frames.settings([(2, 2)]), .connection(.protocolError)),
        Case("6.5.2 ENABLE_PUSH 0 and 1", Frames.settings([(2, 0), (2, 1)]), .fine),
        Case(
            "6.5.2 a window of 2^31", Frames.settings([(4, 1 << 31)]), .connection(.flowControlError)),
        Case("6.5.2 INITIAL_WINDOW_SIZE 2^31-1", open + Frames.settings([(4, 1 << 31 - 1)]), .fine),
        Case("6.5.2 MAX_FRAME_SIZE 16383", Frames.settings([(5, 16_383)]), .connection(.protocolError)),
        Case("6.5.2 MAX_FRAME_SIZE 2^24", Frames.settings([(5, 1 << 24)]), .connection(.protocolError)),
        Case("6.5.2 MAX_FRAME_SIZE in range", Frames.settings([(5, 16_384), (5, 1 << 24 - 1)]), .fine),
        Case("6.5.2 a setting nobody knows", Frames.settings([(0, 1), (0xfefe, .max)]), .fine),
        Case(
            "6.5.2 the last value counts, each is checked", Frames.settings([(2, 7), (2, 0)]),
            .connection(.protocolError)),
        Case("6.6 PUSH_PROMISE", open + frame(5, 4, 1, [0, 0, 0, 2] + block), .connection(.protocolError)),
        Case("6.7 PING, stream 1", frame(6, 0, 1, zeros(8)), .connection(.protocolError)),
        Case("6.7 PING of 6 bytes", frame(6, 0, 0, zeros(6)), .connection(.frameSizeError)),
        Case("6.8 GOAWAY, stream 1", open + frame(7, 0, 1, zeros(8)), .connection(.protocolError)),
        Case("6.8 GOAWAY of 7 bytes", open + frame(7, 0, 0, zeros(7)), .connection(.frameSizeError)),
        Case("6.8 GOAWAY with a text", open + frame(7, 0, 0, zeros(8) + Array("bye".utf8)), .fine),
        Case("6.9 WINDOW_UPDATE of 0, stream", open + Frames.windowUpdate(1, 0), .stream(.protocolError)),
        Case("6.9 WINDOW_UPDATE of 0", Frames.windowUpdate(0, 0), .connection(.protocolError)),
        Case("6.9 WINDOW_UPDATE of 3 bytes", frame(8, 0, 0, zeros(3)), .connection(.frameSizeError)),
        Case("6.9 the reserved bit", Frames.windowUpdate(0, 0x8000_0001), .fine),
        Case(
            "6.9.1 ours overflows", Frames.windowUpdate(0, 1 << 31 - 1), .connection(.flowControlError)),
        Case("6.9.1 our window at its greatest", Frames.windowUpdate(0, 1 << 31 - 65_536), .fine),
        Case(
            "6.9.1 a stream's overflows", open + Frames.windowUpdate(1, 1 << 31 - 1),
            .stream(.flowControlError)),
        Case(
            "6.9.2 a setting makes a stream's overflow",
            open + Frames.windowUpdate(1, 1 << 30) + Frames.settings([(4, 1 << 31 - 1)]),
            .connection(.flowControlError)),
        Case("6.10 CONTINUATION, stream 0", frame(9, 4, 0, block), .connection(.protocolError)),
        Case(
            "6.10 CONTINUATION behind a whole block", open + frame(9, 4, 1, block),
            .connection(.protocolError)),
        Case(
            "6.10 CONTINUATION behind DATA", open + Frames.data(1, []) + frame(9, 4, 1, []),
            .connection(.protocolError)),
        Case(
            "6.10 a block in three frames", frame(1, 0, 1, []) + frame(9, 0, 1, block) + frame(9, 4, 1, []),
            .fine),
    ]

    @Test(arguments: frames)
    func `the answer to a frame is the RFC's`(_ given: Case) {
        let harness = SessionHarness.connected()
        harness.exchange(given.bytes)
        let before = harness.reader.frames.count
        harness.exchange(
            Frames.headers(99, Frames.request("/test.Echo/Unary"))
                + Frames.data(99, Frames.message([7]), end: true))
        let reset = harness.reader.frames(of: 1).last { $0.type == 3 && $0.number != 0 }
        switch given.verdict {
        case .fine:
            #expect(harness.reader.goAway == nil)
            #expect(reset == nil)
        case .stream(let code): #expect(reset?.number == code.rawValue)
        case .connection(let code):
            #expect(harness.reader.goAway?.payload[4..<8] == Frames.bigEndian(code.rawValue)[...])
            #expect(harness.reader.frames.count == before)
            #expect(harness.isClosing)
            return
        }
        #expect(harness.reader.messages(99) == [[7]])
        #expect(harness.reader.status(99) == 0)
    }

    @Test(arguments: [frame(6, 0, 0, zeros(8)), open, Frames.windowUpdate(0, 1), frame(0xee, 0, 0, [])])
    func `3_4 the first frame is SETTINGS`(_ bytes: [UInt8]) {
        let harness = SessionHarness()
        harness.exchange(Frames.preface + bytes)
        #expect(harness.reader.goAway?.payload.suffix(4) == [0, 0, 0, 1])
        #expect(harness.isClosing)
    }

    @Test func `3_4 our SETTINGS are there at once, and the first frame`() {
        let harness = SessionHarness()
        harness.flush()
        #expect(harness.reader.frames.first?.type == 4)
        #expect(harness.reader.frames.first?.flags == 0)
    }

    @Test func `3_4 a preface that is wrong at any byte closes the connection`() {
        for place in Frames.preface.indices {
            let harness = SessionHarness()
            var bytes = Frames.preface
            bytes[place] ^= 0x20
            harness.feed(Array(bytes[..<12]))
            harness.feed(Array(bytes[12...]) + Frames.settings())
            #expect(harness.isClosed)
            #expect(!harness.session.isGreeted)
        }
    }

    @Test func `6_1 and 6_2 padding and priority are no part of a call`() {
        let harness = SessionHarness.connected()
        let request = Frames.block(Frames.request("/test.Echo/Stream"))
        harness.exchange(
            Self.frame(1, 0x2c, 1, [6] + Self.zeros(5) + request + Self.zeros(6))
                + Self.frame(0, 8, 1, [2] + Frames.message([1, 2]) + [9, 9])
                + Self.frame(0, 8, 1, [255] + [UInt8](repeating: 9, count: 255))
                + Self.frame(0, 9, 1, [0] + Frames.message([3])))
        #expect(harness.application.messages == [[1, 2], [3]])
        #expect(harness.reader.messages(1) == [[1, 2], [3]])
        #expect(harness.reader.status(1) == 0)
    }

    @Test func `6_5_3 every SETTINGS is acknowledged, no acknowledgement is`() {
        let harness = SessionHarness.connected()
        let before = harness.reader.frames.count
        harness.exchange(Frames.settings() + Frames.settingsAcknowledgement + Frames.settings([(9, 9)]))
        #expect(harness.reader.frames.dropFirst(before).map(\.type) == [4, 4])
        #expect(harness.reader.frames.dropFirst(before).allSatisfy { $0.flags == 1 && $0.payload.isEmpty })
    }

    @Test func `6_7 a PING comes back with its bytes, an acknowledgement does not`() {
        let harness = SessionHarness.connected()
        let before = harness.reader.frames.count
        let text: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        harness.exchange(Self.frame(6, 1, 0, text) + Self.frame(6, 0, 0, text))
        #expect(harness.reader.frames.dropFirst(before).map(\.payload) == [text])
        #expect(harness.reader.frames.last?.flags == 1)
    }

    @Test func `6_8 what crosses the last GOAWAY is passed over, and open calls finish`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")))
        harness.session.drain()
        harness.exchange(Frames.frame(6, flags: 1, Self.zeros(8)))
        #expect(harness.reader.goAway?.payload.prefix(4) == [0, 0, 0, 1])
        // Sent before the client read it.
        harness.exchange(
            Frames.headers(3, Frames.request("/test.Echo/Unary")) + Frames.data(3, Frames.message([1]))
                + Frames.windowUpdate(3, 9) + Frames.headers(5, Self.silent) + Frames.reset(5))
        #expect(harness.application.opened.count == 1)
        harness.exchange(Frames.data(1, Frames.message([5]), end: true))
        #expect(harness.reader.messages(1) == [[5]])
        #expect(harness.reader.status(1) == 0)
        #expect(harness.isClosing)
    }

    @Test func `8_1 trailers end a call`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Stream")) + Frames.data(1, Frames.message([4]))
                + Frames.headers(1, [("x", "y")], end: true))
        #expect(harness.reader.messages(1) == [[4]])
        #expect(harness.reader.status(1) == 0)
    }

    // Cuts.

    /// Frames of every kind, and an answer to most.
    private static let conversation: [UInt8] = {
        let request = Frames.block(Frames.request("/test.Echo/Stream"))
        return Frames.preface + Frames.settings([(4, 1000), (0xfe, 1)]) + Frames.settingsAcknowledgement
            + frame(1, 0x28, 1, [1] + zeros(5) + request.prefix(9) + [0]) + frame(9, 0, 1, [])
            + frame(9, 4, 1, Array(request.dropFirst(9))) + Frames.ping(3)
            + Frames.data(1, Frames.message([1, 2, 3]))
            + frame(0, 8, 1, [1] + Frames.message([4]) + [0]) + frame(0xee, 1, 1, zeros(3))
            + Frames.data(1, [])
            + Frames.headers(3, [(":method", "GET")], end: true) + Frames.windowUpdate(1, 7)
            + frame(2, 0, 3, zeros(5))
            + Frames.headers(5, silent) + Frames.reset(5) + Frames.data(5, [0, 0, 0])
            + Frames.data(1, [], end: true)
            + frame(7, 0, 0, zeros(8))
    }()

    private struct Transcript: Equatable {
        let frames: [ReceivedFrame]
        let messages: [[UInt8]]
    }

    private static func transcript(_ pieces: [ArraySlice<UInt8>]) -> Transcript {
        let harness = SessionHarness()
        for piece in pieces { harness.feed(Array(piece)) }
        harness.flush()
        #expect(harness.isClosing)
        return Transcript(frames: harness.reader.frames, messages: harness.application.messages)
    }

    @Test func `frames cut at every byte say the same as whole`() {
        let bytes = Self.conversation[...]
        let whole = Self.transcript([bytes])
        #expect(whole.messages == [[1, 2, 3], [4]])
        for cut in 0...bytes.count { #expect(Self.transcript([bytes[..<cut], bytes[cut...]]) == whole) }
        #expect(Self.transcript(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test func `frames cut at every two bytes that are near each other say the same as whole`() {
        let bytes = Self.conversation[...]
        let whole = Self.transcript([bytes])
        for first in bytes.indices {
            for second in first..<min(first + 12, bytes.count) {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]]
                #expect(Self.transcript(pieces) == whole, "cut at \(first) and \(second)")
            }
        }
    }

    @Test func `many small frames may come at once`() {
        let harness = SessionHarness.connected()
        let calls = (0..<2000).map { 2 * UInt32($0) + 1 }
        harness.exchange(
            calls.flatMap { Frames.headers($0, Frames.request("/test.Echo/Unary")) }
                + calls.flatMap { call in Frames.message([7]).flatMap { Frames.data(call, [$0]) } }
                + calls.reversed().flatMap { Frames.data($0, [], end: true) })
        #expect(calls.allSatisfy { harness.reader.messages($0) == [[7]] && harness.reader.status($0) == 0 })
        #expect(harness.session.streams.isEmpty)
        #expect(harness.session.partialBytes == 0)
    }
}
