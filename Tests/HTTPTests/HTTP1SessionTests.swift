import CPlatform
import Testing

@testable import HTTP
@testable import Net

/// An HTTP/1.1 session without a socket, and an application that answers with what it was asked.
private final class Harness: SessionHost, WebApplication {
    var now = MonotonicTime(nanoseconds: 0)
    let peerDescription = ""
    private(set) var isClosing = false
    private(set) var isClosed = false
    private(set) var wakeTime: MonotonicTime?
    private(set) var requests: [WebRequest] = []
    var waiting: [WebResponder] = []
    var answersLater = false
    private(set) var session: HTTP1Session!
    private var output: [UInt8] = []

    init(_ change: (inout HTTPLimits) -> Void = { _ in }) {
        var limits = HTTPLimits()
        change(&limits)
        session = HTTP1Session(
            limits: limits, application: self, peer: SocketAddress(platform_address()), host: self)
    }

    func handle(_ request: WebRequest, _ responder: WebResponder) {
        requests.append(request)
        if answersLater { return waiting.append(responder) }
        let body = String(decoding: request.body, as: UTF8.self)
        let text = "\(request.method) \(request.path)?\(request.query) \(body)"
        responder.respond(WebResponse(status: 200, body: Array(text.utf8)))
    }

    func feed(_ text: String) { unsafe Array(text.utf8).withUnsafeBytes { unsafe session.receive($0) } }

    func flush() {
        while !isClosed {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 50) { buffer, initialized in
                unsafe count = session.produce(into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            }
            if count == 0 { return }
            output += bytes
        }
    }

    /// Everything answered so far.
    var text: String {
        flush()
        return String(decoding: output, as: UTF8.self)
    }

    /// The bodies and bare status lines of the answers, without their other headers.
    var bodies: [String] {
        text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { answer in
            let parts = answer.components(separatedBy: "\r\n\r\n")
            return parts[0].prefix(3) + " " + parts[1...].joined()
        }
    }

    func advance(_ duration: Duration) {
        let end = now + duration
        while let time = wakeTime, time <= end {
            wakeTime = nil
            now = max(now, time)
            session.tick()
        }
        now = end
    }

    func pauseReading() {}
    func resumeReading() {}
    func requestFlush() {}
    func wake(at time: MonotonicTime) { wakeTime = wakeTime.map { min($0, time) } ?? time }
    func closeWhenFlushed() { isClosing = true }
    func close() { isClosed = true }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}

@Suite struct `HTTP/1_1 session` {
    private static let chunked =
        "POST /c?x=1&y HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"

    @Test func `requests are answered in order on one connection`() {
        let harness = Harness()
        harness.feed("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        harness.feed("POST /a HTTP/1.1\r\nhost: h\r\nContent-Length: 3\r\n\r\nxyz")
        harness.feed(Self.chunked)
        #expect(
            harness.bodies == ["200 GET /health? ", "200 POST /a? xyz", "200 POST /c?x=1&y abc0123456789"])
        #expect(!harness.isClosing)
    }

    @Test func `every split of pipelined requests gives the same answers`() {
        let whole =
            "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz" + Self.chunked
            + "GET /z HTTP/1.1\nHost: h\n\n"
        let bytes = Array(whole.utf8)
        for cut in 0...bytes.count {
            let harness = Harness()
            harness.feed(String(decoding: bytes[..<cut], as: UTF8.self))
            harness.feed(String(decoding: bytes[cut...], as: UTF8.self))
            #expect(
                harness.bodies == ["200 POST /a? xyz", "200 POST /c?x=1&y abc0123456789", "200 GET /z? "])
        }
    }

    @Test func `single bytes make a request too`() {
        let harness = Harness()
        for character in Self.chunked { harness.feed(String(character)) }
        #expect(harness.bodies == ["200 POST /c?x=1&y abc0123456789"])
    }

    @Test func `a pipelined request waits until its forerunner is answered`() {
        let harness = Harness()
        harness.answersLater = true
        harness.feed("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(harness.requests.map(\.path) == ["/1"])
        harness.waiting[0].respond(WebResponse(status: 503))
        harness.flush()
        #expect(harness.requests.map(\.path) == ["/1", "/2"])
        harness.waiting[1].respond(WebResponse(status: 200))
        #expect(harness.bodies == ["503 ", "200 "])
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false), ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false),
    ])
    func `a connection stays open as the request asks`(_ request: String, _ closes: Bool) {
        let harness = Harness()
        harness.feed(request)
        #expect(harness.bodies == ["200 GET /? "])
        #expect(harness.isClosing == closes)
        #expect(harness.text.contains("Connection: close") == closes)
    }

    @Test func `HEAD is answered without a body but with its length`() {
        let harness = Harness()
        harness.feed("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(harness.text.contains("Content-Length: 8\r\n"))
        #expect(harness.text.hasSuffix("\r\n\r\n"))
    }

    @Test func `a client that expects 100 is told to continue`() {
        let harness = Harness()
        harness.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(harness.text == "HTTP/1.1 100 Continue\r\n\r\n")
        harness.feed("ok")
        #expect(harness.bodies.last == "200 POST /? ok")
    }

    @Test(arguments: [
        ("GARBAGE\r\n\r\n", "400"), ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"),
        ("GET nopath HTTP/1.1\r\nHost: h\r\n\r\n", "400"), ("G\u{1}T / HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: h\r\nbad line\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: h\r\nsp ace: x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", "413"),
    ])
    func `a broken request is answered by its code and the connection closed`(
        _ request: String, _ code: String
    ) {
        let harness = Harness { $0.webBodyBytesMax = 1000 }
        harness.feed(request)
        #expect(harness.text.hasPrefix("HTTP/1.1 \(code) "))
        #expect(harness.isClosing)
        #expect(harness.requests.isEmpty)
    }

    @Test func `headers beyond their bound are refused, in one line or in many`() {
        for filler in [String(repeating: "x", count: 3000), String(repeating: "a: b\r\n", count: 500)] {
            let harness = Harness { $0.webHeaderBytesMax = 2000 }
            harness.feed("GET / HTTP/1.1\r\nHost: h\r\n" + filler)
            harness.feed("\r\n\r\n")
            #expect(harness.text.hasPrefix("HTTP/1.1 431 "))
            #expect(harness.isClosing)
        }
    }

    @Test func `a request that is never whole is answered 408, an idle connection just closed`() {
        let slow = Harness()
        slow.feed("GET / HTTP/1.1\r\n")
        slow.advance(.seconds(9))
        #expect(!slow.isClosing)
        slow.advance(.seconds(2))
        #expect(slow.text.hasPrefix("HTTP/1.1 408 "))
        let idle = Harness()
        idle.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        idle.flush()
        idle.advance(.seconds(299))
        #expect(!idle.isClosing)
        idle.advance(.seconds(2))
        #expect(idle.isClosing)
        #expect(idle.bodies.count == 1)
    }

    @Test func `a client that pipelines without reading is held at a bound`() {
        let harness = Harness()
        let many = String(repeating: "GET /path HTTP/1.1\r\nHost: h\r\n\r\n", count: 1000)
        for _ in 0..<400 where !harness.isClosed { harness.feed(many) }
        #expect(harness.isClosed)
        #expect(harness.requests.count < 10_000)
    }

    @Test func `an answer to a connection that is gone is dropped`() {
        let harness = Harness()
        harness.answersLater = true
        harness.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        harness.session.closed()
        harness.waiting[0].respond(WebResponse(status: 200))
        #expect(!harness.isClosing)
    }

    @Test func `a draining server answers what is asked and closes`() {
        let harness = Harness()
        harness.answersLater = true
        harness.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        harness.session.drain()
        #expect(!harness.isClosing)
        harness.waiting[0].respond(WebResponse(status: 200))
        #expect(harness.isClosing)
    }
}
