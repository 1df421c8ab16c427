import Net
import Testing

@testable import HTTP

@Suite struct `HTTP/2 session` {
    @Test func `a unary call is answered with headers, one message and trailers`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary"))
                + Frames.data(1, Frames.message([1, 2, 3]), end: true))
        let frames = harness.reader.frames(of: 1)
        #expect(frames.map(\.type) == [1, 0, 1])
        #expect(frames[0].fields == [":status": "200", "content-type": "application/grpc"])
        #expect(harness.reader.messages(1) == [[1, 2, 3]])
        #expect(frames[2].fields == ["grpc-status": "0"])
        #expect(frames[2].endsStream)
        #expect(harness.session.streams.isEmpty)
    }

    @Test func `every split of a call's bytes gives the same answer`() {
        let call =
            Frames.headers(1, Frames.request("/test.Echo/Unary"))
            + Frames.data(1, Frames.message([7, 8, 9]), end: true)
        for cut in 1..<call.count {
            let harness = SessionHarness.connected()
            harness.feed(Array(call[..<cut]))
            harness.exchange(Array(call[cut...]))
            #expect(harness.reader.messages(1) == [[7, 8, 9]])
            #expect(harness.reader.status(1) == 0)
        }
    }

    @Test func `a message split over DATA frames at every byte is put together`() {
        let bytes = Frames.message([1, 2, 3, 4]) + Frames.message([]) + Frames.message([5])
        for cut in 0...bytes.count {
            let harness = SessionHarness.connected()
            harness.exchange(
                Frames.headers(1, Frames.request("/test.Echo/Stream")) + Frames.data(1, Array(bytes[..<cut]))
                    + Frames.data(1, Array(bytes[cut...]), end: true))
            #expect(harness.application.messages == [[1, 2, 3, 4], [], [5]])
            #expect(harness.reader.messages(1) == [[1, 2, 3, 4], [], [5]])
            #expect(harness.reader.status(1) == 0)
            #expect(harness.session.partialBytes == 0)
            #expect(harness.session.unsentBytes == 0)
        }
    }

    @Test func `a stream call gets its headers before its first message`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Stream")))
        #expect(harness.reader.frames(of: 1).map(\.type) == [1])
        #expect(harness.reader.status(1) == nil)
    }

    @Test func `an error before any message is one HEADERS frame with an escaped text`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Fail"), end: true))
        let frames = harness.reader.frames(of: 1)
        #expect(frames.map(\.type) == [1])
        #expect(frames[0].endsStream)
        #expect(frames[0].fields["grpc-status"] == "5")
        #expect(frames[0].fields["grpc-message"] == "50%25 gone: %C3%BC%0A")
    }

    @Test func `a call answered before the client's end is closed with NO_ERROR`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary")) + Frames.data(1, Frames.message([1])))
        let reset = harness.reader.frames(of: 1).last
        #expect(reset?.type == 3)
        #expect(reset?.number == 0)
        #expect(harness.session.streams.isEmpty)
    }

    @Test func `unknown paths are named as a Go server names them`() {
        for (path, text) in [
            ("/test.Echo/Nothing", "unknown method Nothing for service test.Echo"),
            ("/nobody.Home/Nothing", "unknown service nobody.Home"),
            ("garbage", "malformed method name: \"garbage\""),
        ] {
            let harness = SessionHarness.connected()
            harness.exchange(Frames.headers(1, Frames.request(path), end: true))
            #expect(harness.reader.status(1) == 12)
            #expect(harness.reader.trailers(1)?["grpc-message"] == text)
        }
    }

    @Test(arguments: [
        ([(":method", "GET"), (":path", "/"), (":scheme", "http")], "415", "3"),
        ([(":method", "POST"), (":path", "/"), ("content-type", "application/json")], "415", "3"),
        ([(":method", "POST"), (":path", "/"), ("content-type", "application/grpcfoo")], "415", "3"),
        ([(":method", "PUT"), (":path", "/"), ("content-type", "application/grpc")], "405", "13"),
        (Frames.request("/test.Echo/Unary", [("grpc-timeout", "18f6n")]), "400", "13"),
        (Frames.request("/test.Echo/Unary", [(":authority", "again")]), "400", "13"),
        (Frames.request("/test.Echo/Unary", [("grpc-encoding", "zstd")]), "200", "12"),
    ])
    func `a request that is no gRPC call is refused with a Go server's status`(
        _ fields: [(String, String)], _ httpStatus: String, _ code: String
    ) {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, fields, end: true))
        #expect(harness.reader.trailers(1)?[":status"] == httpStatus)
        #expect(harness.reader.trailers(1)?["grpc-status"] == code)
        #expect(harness.application.opened.isEmpty)
    }

    @Test func `content-types with a suffix are gRPC`() {
        for type in ["application/grpc+proto", "application/grpc;charset=utf-8"] {
            let harness = SessionHarness.connected()
            var fields = Frames.request("/test.Echo/Unary")
            fields[4].1 = type
            harness.exchange(Frames.headers(1, fields) + Frames.data(1, Frames.message([1]), end: true))
            #expect(harness.reader.status(1) == 0)
        }
    }

    @Test func `an authority that etcd clients up to 3_5_0 send is accepted`() {
        let harness = SessionHarness.connected()
        var fields = Frames.request("/test.Echo/Unary")
        fields[3].1 = "#initially=[http://127.0.0.1:2379]"
        harness.exchange(Frames.headers(1, fields) + Frames.data(1, Frames.message([1]), end: true))
        #expect(harness.reader.status(1) == 0)
    }

    @Test func `a connection header resets the stream`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Unary", [("connection", "close")])))
        #expect(harness.reader.frames(of: 1).map(\.type) == [3])
        #expect(harness.reader.frames(of: 1)[0].number == 1)
    }

    @Test func `only the configured metadata is kept, the first value counts`() {
        let harness = SessionHarness.connected()
        let more = [("token", "abc"), ("other", "x"), ("token", "def")]
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Metadata", more))
                + Frames.data(1, Frames.message([1]), end: true)
                + Frames.headers(3, Frames.request("/test.Echo/Metadata"))
                + Frames.data(3, Frames.message([1]), end: true))
        #expect(harness.reader.messages(1) == [Array("abc".utf8)])
        #expect(harness.reader.messages(3) == [[]])
        #expect(harness.application.opened[0].metadata("hasleader") == nil)
    }

    @Test func `a larger message is refused before its bytes are kept`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.messageBytesMax = 1000 })
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary"))
                + Frames.data(1, [0] + Frames.bigEndian(1001)))
        #expect(harness.reader.status(1) == 8)
        #expect(
            harness.reader.trailers(1)?["grpc-message"]
                == "grpc: received message larger than max (1001 vs. 1000)")
        #expect(harness.session.partialBytes == 0)
        #expect(harness.application.cancelled.count == 1)
    }

    @Test func `a message of exactly the bound passes`() {
        let harness = SessionHarness.connected(EchoApplication.configuration { $0.messageBytesMax = 1000 })
        let message = [UInt8](repeating: 7, count: 1000)
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary"))
                + Frames.data(1, Frames.message(message), end: true))
        #expect(harness.reader.messages(1) == [message])
    }

    @Test func `a message cut off by the client's end is an error`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary"))
                + Frames.data(1, [0, 0, 0, 0, 9, 1], end: true))
        #expect(harness.reader.status(1) == 13)
        #expect(harness.application.messages.isEmpty)
    }

    @Test func `unfinished messages of one connection share a bound`() {
        let configuration = EchoApplication.configuration {
            $0.messageBytesMax = 1000
            $0.partialBytesMax = 1500
        }
        let harness = SessionHarness.connected(configuration)
        let most = [0] + Frames.bigEndian(1000) + [UInt8](repeating: 1, count: 900)
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Unary")) + Frames.data(1, most)
                + Frames.headers(3, Frames.request("/test.Echo/Unary")) + Frames.data(3, most))
        #expect(harness.reader.status(3) == 8)
        harness.exchange(Frames.data(1, [UInt8](repeating: 2, count: 100), end: true))
        #expect(harness.reader.status(1) == 0)
        #expect(harness.session.partialBytes == 0)
    }

    @Test func `a reset by the client cancels the call`() {
        let harness = SessionHarness.connected()
        harness.exchange(Frames.headers(1, Frames.request("/test.Echo/Silent")))
        harness.exchange(Frames.reset(1))
        #expect(harness.application.cancelled.count == 1)
        let call = harness.application.opened[0]
        #expect(!call.isOpen)
        call.send([1])  // an answer that crosses the cancellation is dropped
        call.finish()
        harness.flush()
        #expect(harness.reader.frames(of: 1).isEmpty)
        #expect(harness.session.unsentBytes == 0)
    }

    @Test func `a lost connection cancels what is open, once`() {
        let harness = SessionHarness.connected()
        harness.exchange(
            Frames.headers(1, Frames.request("/test.Echo/Silent"))
                + Frames.headers(3, Frames.request("/test.Echo/Stream")))
        harness.session.closed()
        #expect(harness.application.cancelled.count == 2)
        #expect(harness.application.opened.allSatisfy { !$0.isOpen })
    }
}
