import CPlatform
import Testing

@testable import HTTP
@testable import Net

/// An application that takes bodies piece by piece at /take and answers without end at /stream.
private final class Harness: SessionHost, WebApplication, WebBodyReceiver, WebStreamSource {
    var now = MonotonicTime(nanoseconds: 0)
    let peerDescription = ""
    private(set) var isClosing = false
    private(set) var isClosed = false
    private(set) var isPaused = false
    private(set) var session: HTTP1Session!
    private(set) var output: [UInt8] = []
    var responder: WebResponder?
    var stream: WebStream?
    var refuses = false
    private(set) var log: [String] = []
    private(set) var body: [UInt8] = []
    /// What the stream has to say.
    var items: [[UInt8]] = []

    init() {
        var limits = HTTPLimits()
        limits.webBodyBytesMax = 10
        session = HTTP1Session(
            limits: limits, application: self, peer: SocketAddress(platform_address()), host: self)
    }

    func handle(_ request: WebRequest, _ responder: WebResponder) {
        guard request.path == "/stream" else {
            return responder.respond(WebResponse(status: 200, body: request.body))
        }
        stream = responder.stream(WebResponse(status: 200, headers: [WebHeader("X", "y")]), self)
    }

    func bodyReceiver(_ head: WebRequest, _ responder: WebResponder) -> (any WebBodyReceiver)? {
        guard head.path == "/take" else { return nil }
        if refuses {
            responder.respond(WebResponse(status: 415))
            return nil
        }
        self.responder = responder
        return self
    }

    func received(_ piece: [UInt8]) { body += piece }
    func ended() { log.append("ended") }
    func cancelled() { log.append("cancelled") }
    func closed() { log.append("closed") }

    func produce(into output: inout [UInt8], limit: Int) {
        while output.count < limit, !items.isEmpty { output += items.removeFirst() }
    }

    func feed(_ text: String) { unsafe Array(text.utf8).withUnsafeBytes { unsafe session.receive($0) } }

    /// Writes through a buffer of `size` bytes until the session has nothing to say.
    func flush(_ size: Int = 64) {
        while !isClosed {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
                unsafe count = session.produce(into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            }
            if count == 0 { return }
            output += bytes
        }
    }

    /// The body of the one answer in `output`, as a client reads it.
    func streamed() throws -> (body: [UInt8], isWhole: Bool) {
        var parser = HTTP1ResponseParser()
        var body: [UInt8] = []
        var isWhole = false
        let output = output
        try unsafe output.withUnsafeBytes { buffer in
            var offset = 0
            while let event = unsafe try parser.next(buffer, from: &offset) {
                if case .body(let range) = event { body += output[range] }
                if case .ended = event { isWhole = true }
            }
        }
        return (body, isWhole)
    }

    func pauseReading() { isPaused = true }
    func resumeReading() { isPaused = false }
    func requestFlush() {}
    func wake(at time: MonotonicTime) {}
    func closeWhenFlushed() { isClosing = true }
    func close() { isClosed = true }
}

@Suite struct `HTTP/1_1 bodies that stream` {
    private static let fixed = "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n"
    private static let bytes = "abcdefghijklmnopqrst"

    @Test func `a body larger than the bound is handed out in pieces, wherever it is split`() {
        let chunked =
            "POST /take HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "E\r\nabcdefghijklmn\r\n6\r\nopqrst\r\n0\r\n\r\n"
        for text in [Self.fixed + Self.bytes, chunked] {
            for cut in 0...text.utf8.count {
                let harness = Harness()
                harness.feed(String(text.prefix(cut)))
                harness.feed(String(text.dropFirst(cut)))
                #expect(harness.body == Array(Self.bytes.utf8))
                #expect(harness.log == ["ended"])
                harness.responder?.respond(WebResponse(status: 204))
                harness.feed("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok")
                harness.flush()
                #expect(String(decoding: harness.output, as: UTF8.self).hasSuffix("\r\n\r\nok"))
                #expect(!harness.isClosing)
            }
        }
    }

    @Test func `a body that nobody takes is bounded as before`() {
        let harness = Harness()
        harness.feed("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")
        harness.flush()
        #expect(String(decoding: harness.output, as: UTF8.self).hasPrefix("HTTP/1.1 413 "))
    }

    @Test func `an answer before the end of the body ends the connection`() {
        let harness = Harness()
        harness.feed(Self.fixed + "abc")
        harness.responder?.pauseBody()
        #expect(harness.isPaused)
        harness.responder?.keepWaiting()
        harness.responder?.respond(WebResponse(status: 503))
        harness.feed("defg")
        harness.flush()
        #expect(harness.body == Array("abc".utf8))
        #expect(
            String(decoding: harness.output, as: UTF8.self).hasPrefix(
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 503 "))
        #expect(harness.isClosing && !harness.isPaused && harness.log.isEmpty)
    }

    @Test func `a request refused by its head is answered without its body`() {
        let harness = Harness()
        harness.refuses = true
        harness.feed(Self.fixed + "abc")
        harness.flush()
        #expect(String(decoding: harness.output, as: UTF8.self).hasPrefix("HTTP/1.1 415 "))
        #expect(harness.isClosing && harness.body.isEmpty)
    }

    @Test func `a torn body is told, by a lost connection or a half one`() {
        let lost = Harness()
        lost.feed(Self.fixed + "abc")
        lost.session.closed()
        lost.session.closed()
        #expect(lost.log == ["cancelled"])
        let half = Harness()
        half.feed(Self.fixed + "abc")
        half.session.inputEnded()
        #expect(half.isClosed)
    }

    @Test(arguments: [11, 12, 13, 20, 64, 1000])
    func `a stream is written in chunks by pull, through a buffer of any size`(size: Int) throws {
        let harness = Harness()
        harness.feed("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
        harness.flush(size)
        #expect(String(decoding: harness.output, as: UTF8.self).hasPrefix("HTTP/1.1 200 OK\r\nX: y\r\n"))
        var expected: [UInt8] = []
        for round in 0..<20 {
            harness.items = (0..<round).map { [UInt8](repeating: UInt8($0), count: $0 * 7) }
            expected += harness.items.joined()
            harness.flush(size)
        }
        var (body, isWhole) = try harness.streamed()
        #expect(body == expected && !isWhole)
        harness.feed("GET /again HTTP/1.1\r\nHost: h\r\n\r\n")  // nobody listens
        harness.stream?.finish()
        harness.flush(size)
        (body, isWhole) = try harness.streamed()
        #expect(body == expected && isWhole)
        #expect(harness.isClosing && harness.log == ["closed"])
        harness.session.closed()
        #expect(harness.log == ["closed"])
    }

    @Test func `a stream ends with its connection`() {
        let harness = Harness()
        harness.feed("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
        harness.session.inputEnded()
        #expect(harness.isClosed)
        harness.session.closed()
        #expect(harness.log == ["closed"])
        harness.stream?.finish()
        harness.stream?.close()
        #expect(harness.log == ["closed"])
    }
}
