import Net
import Testing

@testable import HTTP

@Suite struct `HTTP/2 client` {
    @Test func `a unary call is answered with its message and a status`() {
        let client = ClientHarness()
        client.ask("Unary", [1, 2, 3])
        client.exchange()
        #expect(client.messages == [[1, 2, 3]])
        #expect(client.statuses == [.ok])
        #expect(client.session.streams.isEmpty)
        #expect(client.server.session.streams.isEmpty)
    }

    @Test func `a call's token reaches the application`() {
        let client = ClientHarness()
        let headers = ClientHarness.headers("Metadata", [("token", "secret")])
        let call = GRPCClientCall(headers, tag: 7, client)
        call.send([])
        call.halfClose()
        #expect(client.session.begin(call))
        client.exchange()
        #expect(client.messages == [Array("secret".utf8)])
        #expect(call.tag == 7)
    }

    @Test func `an error's escaped text is read back`() {
        let client = ClientHarness()
        client.ask("Fail", [])
        client.ask("Nothing", [])
        client.exchange()
        #expect(client.statuses[0] == GRPCStatus(.notFound, "50% gone: ü\n"))
        #expect(client.statuses[1].code == .unimplemented)
        #expect(client.messages.isEmpty)
    }

    @Test func `a stream carries messages both ways until our side ends`() throws {
        let client = ClientHarness()
        let call = try #require(client.open("Stream"))
        client.exchange()
        for number: UInt8 in 0..<3 {
            call.send([number])
            client.exchange()
        }
        #expect(client.messages == [[0], [1], [2]])
        #expect(client.statuses.isEmpty)
        call.halfClose()
        client.exchange()
        #expect(client.statuses == [.ok])
    }

    @Test func `a message larger than both windows arrives whole, either way`() throws {
        let client = ClientHarness(EchoApplication.configuration { $0.messageBytesMax = 8 << 20 })
        let large = (0..<5_000_000).map { PatternSource.byte($0) }
        client.ask("Unary", large)
        client.exchange()
        #expect(client.messages == [large])
        #expect(client.session.unsentBytes == 0)
        #expect(client.session.partialBytes == 0)
    }

    @Test func `every split of the answer's bytes gives the same answer`() {
        let recorded = ClientHarness()
        recorded.ask("Unary", [7, 8])
        var answer: [UInt8] = []
        recorded.server.feed(ClientHarness.produced(by: recorded.session))
        answer += ClientHarness.produced(by: recorded.server.session)
        for cut in 1..<answer.count {
            let client = ClientHarness()
            client.ask("Unary", [7, 8])
            _ = ClientHarness.produced(by: client.session)
            client.feed(Array(answer[..<cut]))
            client.feed(Array(answer[cut...]))
            #expect(client.messages == [[7, 8]])
            #expect(client.statuses == [.ok])
        }
    }

    @Test func `calls beyond the server's concurrent streams wait their turn`() {
        let client = ClientHarness(EchoApplication.configuration { $0.concurrentStreamsMax = 3 })
        client.exchange()
        for number: UInt8 in 0..<20 { client.ask("Unary", [number]) }
        client.exchange()
        #expect(client.messages.sorted { $0[0] < $1[0] } == (0..<20).map { [$0] })
        #expect(client.statuses == Array(repeating: .ok, count: 20))
    }

    @Test func `after GOAWAY no call begins and open ones finish`() throws {
        let client = ClientHarness()
        let call = try #require(client.open("Stream"))
        client.exchange()
        client.server.session.drain()
        client.exchange()
        #expect(!client.session.acceptsCalls)
        #expect(client.ask("Unary", [1]) == nil)
        call.send([9])
        call.halfClose()
        client.exchange()
        #expect(client.messages == [[9]])
        #expect(client.statuses == [.ok])
        #expect(client.isClosing)
    }

    @Test func `a lost connection ends every call with code 14`() {
        let client = ClientHarness()
        client.ask("Silent", [1])
        client.ask("Silent", [2])
        client.exchange()
        client.session.closed()
        #expect(client.statuses.map(\.code) == [.unavailable, .unavailable])
        #expect(client.ask("Unary", [1]) == nil)
    }

    @Test func `a call past its deadline is cancelled at the server too`() throws {
        let client = ClientHarness()
        client.ask("Silent", [1], deadline: client.now + .seconds(1))
        client.exchange()
        #expect(client.wakeTime == client.now + .seconds(1))
        client.server.now = client.server.now + .seconds(1)
        client.session.tick()
        client.exchange()
        #expect(client.statuses == [.deadlineExceeded])
        #expect(client.server.application.cancelled.count == 1)
    }

    @Test func `a cancelled call ends with code 1 and its stream is reset`() throws {
        let client = ClientHarness()
        let call = try #require(client.open("Stream"))
        client.exchange()
        call.cancel()
        call.send([1])
        client.exchange()
        #expect(client.statuses.map(\.code) == [.cancelled])
        #expect(client.messages.isEmpty)
        #expect(client.server.application.cancelled.count == 1)
    }

    @Test func `a call that never began ends with what it is failed with`() {
        let client = ClientHarness()
        let call = GRPCClientCall(ClientHarness.headers("Unary"), client)
        call.send([1])
        call.fail(GRPCStatus(.unavailable, "no connection"))
        call.cancel()
        #expect(client.statuses == [GRPCStatus(.unavailable, "no connection")])
    }

    @Test func `an answer ahead of our end ends the call`() throws {
        let client = ClientHarness()
        let call = try #require(client.open("Unary"))
        call.send([4])
        client.exchange()
        #expect(client.messages == [[4]])
        #expect(client.statuses == [.ok])
        #expect(!call.isOpen)
        #expect(client.session.streams.isEmpty)
    }

    @Test func `a server that speaks plain HTTP gives a status, not a hang`() {
        let client = ClientHarness()
        client.ask("Unary", [1])
        _ = ClientHarness.produced(by: client.session)
        client.feed(Frames.settings() + Frames.headers(1, [(":status", "503")], end: true))
        #expect(client.statuses.map(\.code) == [.unavailable])
    }

    @Test func `a server whose SETTINGS name no number of streams takes any number`() {
        let client = ClientHarness()
        for _ in 0..<150 { client.ask("Silent", []) }
        _ = ClientHarness.produced(by: client.session)
        #expect(client.session.table.count == 100)
        client.feed(Frames.settings([(4, 65_535)]))
        _ = ClientHarness.produced(by: client.session)
        #expect(client.session.table.count == 150)
        client.feed(Frames.settings())  // says nothing new
        for _ in 0..<10 { client.ask("Silent", []) }
        _ = ClientHarness.produced(by: client.session)
        #expect(client.session.table.count == 160)
    }

    @Test func `calls that say much while they wait take no place of others`() throws {
        let client = ClientHarness()
        client.feed(Frames.settings([(3, 1)]))
        var calls = (0..<2).compactMap { _ in client.open("Silent") }
        for _ in 0..<3 {
            _ = ClientHarness.produced(by: client.session)
            for call in calls { call.send([1]) }
        }
        calls += (0..<2).compactMap { _ in client.open("Silent") }
        _ = ClientHarness.produced(by: client.session)
        #expect(calls.map(\.streamID) == [1, 0, 0, 0])
        client.feed(Frames.settings([(3, 4)]))
        _ = ClientHarness.produced(by: client.session)
        #expect(calls.map(\.streamID) == [1, 3, 5, 7])
    }

    @Test func `a header block of several frames leaves before the message behind it`() {
        let client = ClientHarness()
        for length in [16_200, 16_300, 16_350, 20_000, 50_000] {
            let token = String(repeating: "t", count: length)
            let call = GRPCClientCall(ClientHarness.headers("Metadata", [("token", token)]), client)
            call.send([])
            call.halfClose()
            #expect(client.session.begin(call))
            client.exchange()
            #expect(client.messages.last == Array(token.utf8))
        }
        #expect(client.statuses == Array(repeating: .ok, count: 5))
    }

    @Test func `a server may reset as many streams as it likes`() {
        let client = ClientHarness()
        client.feed(Frames.settings())
        for _ in 0..<5000 { client.ask("Silent", []) }
        _ = ClientHarness.produced(by: client.session)
        for index: UInt32 in 0..<5000 { client.feed(Frames.reset(2 * index + 1, 7)) }
        #expect(client.statuses.count == 5000)
        #expect(client.statuses.allSatisfy { $0.code == .unavailable })
        #expect(client.session.acceptsCalls)
    }
}
