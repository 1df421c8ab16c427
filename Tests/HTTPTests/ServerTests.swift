import Testing

@testable import HTTP
@testable import Net

@Suite struct `Server on sockets` {
    private static let hello = Frames.preface + Frames.settings()

    private static func unary(_ stream: UInt32, _ message: [UInt8] = [1, 2, 3]) -> [UInt8] {
        Frames.headers(stream, Frames.request("/test.Echo/Unary"))
            + Frames.data(stream, Frames.message(message), end: true)
    }

    /// The server still answers others.
    private func expectServing(_ port: UInt16) throws {
        let client = try RawClient(port)
        client.send(Self.hello + Self.unary(1))
        #expect(client.read { $0.reader.status(1) == 0 })
    }

    @Test func `gRPC and HTTP/1_1 are told apart on one port`() throws {
        let server = try TestServer()
        try expectServing(server.port)
        let web = try RawClient(server.port)
        web.send(Array("GET /version HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
        #expect(web.read { String(decoding: $0.bytes, as: UTF8.self).hasSuffix("hello /version") })
        server.stop()
    }

    @Test func `a call that arrives byte by byte is answered`() throws {
        let server = try TestServer()
        let client = try RawClient(server.port)
        for byte in Self.hello + Self.unary(1) { client.send([byte]) }
        #expect(client.read { $0.reader.status(1) == 0 })
        #expect(client.reader.messages(1) == [[1, 2, 3]])
        server.stop()
    }

    @Test func `many calls of many clients are all answered`() throws {
        let server = try TestServer()
        let clients = try (0..<20).map { _ in try RawClient(server.port) }
        for client in clients {
            client.send(Self.hello)
            for index: UInt32 in 0..<50 { client.send(Self.unary(2 * index + 1, [UInt8(index)])) }
        }
        for client in clients {
            #expect(
                client.read { client in (0..<50).allSatisfy { client.reader.status(UInt32(2 * $0 + 1)) == 0 }
                })
            #expect((0..<50).allSatisfy { client.reader.messages(UInt32(2 * $0 + 1)) == [[UInt8($0)]] })
        }
        server.stop()
    }

    @Test func `a connection that never speaks is closed, half a preface too`() throws {
        let server = try TestServer(EchoApplication.configuration { $0.handshakeTimeout = .milliseconds(50) })
        for start in [[], Array("PR".utf8), Frames.preface, Array("GET / HT".utf8)] {
            let client = try RawClient(server.port)
            client.send(start)
            #expect(!client.read { _ in false })
            #expect(client.hasEnded)
        }
        server.stop()
    }

    @Test func `an established connection outlives the handshake time`() throws {
        let server = try TestServer(EchoApplication.configuration { $0.handshakeTimeout = .milliseconds(20) })
        let client = try RawClient(server.port)
        client.send(Self.hello)
        let other = try RawClient(server.port)  // closed after the same time: the clock of this test
        #expect(!other.read { _ in false })
        client.send(Self.unary(1))
        #expect(client.read { $0.reader.status(1) == 0 })
        server.stop()
    }

    @Test func `a client that goes silent is found by pings and closed`() throws {
        let server = try TestServer(
            EchoApplication.configuration {
                $0.keepaliveInterval = .milliseconds(30)
                $0.keepaliveTimeout = .milliseconds(30)
            })
        let client = try RawClient(server.port)
        client.send(Self.hello + Frames.headers(1, Frames.request("/test.Echo/Stream")))
        #expect(!client.read { _ in false })
        #expect(client.hasEnded)
        #expect(client.reader.frames.contains { $0.type == 6 })
        server.stop()
    }

    @Test func `floods end their own connection only`() throws {
        let server = try TestServer()
        let headers = { (stream: UInt32) in Frames.headers(stream, Frames.request("/test.Echo/Silent")) }
        let floods: [(UInt32) -> [UInt8]] = [
            { _ in Frames.ping() },
            {
                headers(2 * $0 + 1) + Frames.reset(2 * $0 + 1)
            },
            { $0 == 0 ? Frames.frame(1, stream: 1, [0]) : Frames.frame(9, stream: 1, []) },
            { _ in Frames.frame(99, stream: 7, [UInt8](repeating: 0, count: 16_385)) },
        ]
        for flood in floods {
            let client = try RawClient(server.port)
            client.send(Self.hello)
            var index: UInt32 = 0
            while index < 200_000, client.send(flood(index)) { index += 1 }
            #expect(!client.read { _ in false })
            #expect(client.hasEnded)
            try expectServing(server.port)
        }
        server.stop()
    }

    @Test func `a client that never reads costs a bounded buffer while others are served`() throws {
        let server = try TestServer()
        let client = try RawClient(server.port)
        client.send(
            Frames.preface + Frames.settings([(4, 0x7fff_ffff)]) + Frames.windowUpdate(0, 0x7000_0000)
                + Frames.headers(1, Frames.request("/test.Echo/Source"))
                + Frames.data(1, Frames.message(Frames.bigEndian(50_000_000)), end: true))
        try expectServing(server.port)
        #expect(client.read { $0.reader.status(1) == 0 })  // and once it reads it gets everything
        #expect(client.reader.body(1).count == 50_000_005)
        server.stop()
    }

    @Test func `a drained server finishes the open call, says goodbye and ends`() throws {
        let server = try TestServer()
        let client = try RawClient(server.port)
        client.send(Self.hello + Frames.headers(1, Frames.request("/test.Echo/Stream")))
        #expect(client.read { !$0.reader.frames(of: 1).isEmpty })
        server.drain()
        #expect(client.read { $0.reader.goAway != nil && $0.reader.frames.last?.type == 6 })
        client.send(Frames.frame(6, flags: 1, [UInt8](repeating: 0, count: 8)))
        client.send(Frames.data(1, Frames.message([9]), end: true))
        #expect(client.read { $0.reader.status(1) == 0 })
        #expect(client.reader.messages(1) == [[9]])
        #expect(!client.read { _ in false })
        #expect(client.hasEnded)
        server.waitForEnd()
    }
}
