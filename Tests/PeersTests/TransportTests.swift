import HTTP
import Net
import Raft
import Telemetry
import Testing

@testable import Peers

@Suite struct `Peer transport` {
    @Test func `members connect by two streams each way and messages go both ways`() throws {
        let village = try Village()
        let members = try village.settleAll(3)
        try #require(village.runUntilConnected())
        for from in members {
            for to in members where to !== from {
                from.transport.send([
                    message(from.id.rawValue, to.id.rawValue, .heartbeat(commit: LogIndex(7), context: [1])),
                    append(from.id.rawValue, to.id.rawValue, after: 5, [[1, 2], []], commit: 4),
                ])
            }
        }
        #expect(village.run { members.allSatisfy { $0.messages.count == 4 } })
        for to in members {
            for from in members where to !== from {
                let (sender, receiver) = (from.id.rawValue, to.id.rawValue)
                let heartbeat = message(sender, receiver, .heartbeat(commit: LogIndex(7), context: [1]))
                #expect(to.messages.contains(heartbeat))
                #expect(to.messages.contains(append(sender, receiver, after: 5, [[1, 2], []], commit: 4)))
            }
        }
        #expect(members.allSatisfy { $0.unreachable.isEmpty })
    }

    @Test func `a member is active from its first stream on and no longer when it is gone`() throws {
        let village = try Village()
        let members = try village.settleAll(2)
        #expect(members[0].transport.links.activeSince(MemberID(2)) == nil)
        try #require(village.runUntilConnected())
        let since = members[0].transport.links.activeSince(MemberID(2))
        #expect(since.map { $0 <= MonotonicTime.now() } == true)
        #expect(members[0].metrics.activePeers.with("1", "2").value == 1)
        members[1].transport.close()
        #expect(village.run { members[0].transport.links.activeSince(MemberID(2)) == nil })
        #expect(members[0].unreachable.contains(MemberID(2)))
        #expect(members[0].metrics.activePeers.with("1", "2").value == 0)
        #expect(members[0].metrics.disconnectedPeers.with("1", "2").value == 1)
    }

    @Test func `a member that comes back at its port is found again`() throws {
        let village = try Village()
        let first = try village.settle(1)
        let second = try village.settle(2)
        village.introduce()
        try #require(village.runUntilConnected())
        second.transport.close()
        try #require(village.run { first.transport.links.activeSince(MemberID(2)) == nil })
        let again = try village.settle(2, socket: second.socket)
        again.transport.setPeers([first.address, again.address], removed: [])
        #expect(village.run { first.transport.hasAllStreams(with: MemberID(2)) })
        first.transport.send([append(1, 2, after: 8, [[9]])])
        #expect(village.run { again.messages == [append(1, 2, after: 8, [[9]])] })
    }

    @Test func `before the streams are up messages are posted`() throws {
        let village = try Village()
        let first = try village.settle(1)
        let second = try village.settle(2)
        first.transport.setPeers([second.address], removed: [])  // member 2 knows nobody and dials nobody
        let batch = (1...10).map { append(1, 2, after: UInt64($0), [[UInt8($0)]]) }
        first.transport.send(batch)
        #expect(village.run { second.messages.count == 10 })
        #expect(batch.allSatisfy { second.messages.contains($0) })
    }

    @Test func `a stranger's streams are refused, but it can be answered where it says it lives`() throws {
        let village = try Village()
        let first = try village.settle(1)
        let second = try village.settle(2)
        first.transport.setPeers([second.address], removed: [])
        first.transport.send([message(1, 2, .vote(last: position(1, 3), isTransfer: false))])
        try #require(village.run { second.messages.count == 1 })
        #expect(!second.transport.hasAllStreams(with: MemberID(1)))
        #expect(first.transport.links.activeSince(MemberID(2)) == nil)
        second.transport.send([message(2, 1, .voteResponse(isGranted: true))])
        #expect(village.run { first.messages == [message(2, 1, .voteResponse(isGranted: true))] })
        second.transport.setPeers([first.address], removed: [])
        #expect(village.runUntilConnected())
    }

    @Test func `a removed member is told so, by streams and by posts`() throws {
        let village = try Village()
        let first = try village.settle(1)
        let second = try village.settle(2)
        village.introduce()
        try #require(village.runUntilConnected())
        first.transport.setPeers([first.address], removed: [MemberID(2)])
        #expect(village.run { second.removers == [MemberID(1)] })
        let third = try village.settle(3)
        third.transport.setPeers([first.address], removed: [])
        first.transport.setPeers([first.address], removed: [MemberID(2), MemberID(3)])
        third.transport.send([message(3, 1, .preVote(last: position(1, 1)))])
        #expect(village.run { third.removers == [MemberID(1)] })
        #expect(first.messages.isEmpty)
    }

    @Test func `of several acceptances in one batch only the newest travels`() throws {
        let village = try Village()
        let members = try village.settleAll(2)
        try #require(village.runUntilConnected())
        let rejection = message(1, 2, .appendRejected(rejected: LogIndex(3), hint: position(1, 2)))
        members[0].transport.send([
            message(1, 2, .appendAccepted(LogIndex(4))), rejection,
            message(1, 2, .appendAccepted(LogIndex(5))), message(1, 2, .appendAccepted(LogIndex(9))),
            message(1, 2, term: 2, .appendAccepted(LogIndex(1))),
        ])
        #expect(village.run { members[1].messages.count >= 3 })
        #expect(
            members[1].messages == [
                rejection, message(1, 2, .appendAccepted(LogIndex(9))),
                message(1, 2, term: 2, .appendAccepted(LogIndex(1))),
            ])
    }

    @Test func `a silent member's streams end after the read timeout, a full queue drops and says so`() throws
    {
        let village = try Village()
        let first = try village.settle(1) {
            $0.readTimeout = .milliseconds(200)
            $0.streamMessagesMax = 10
        }
        let second = try village.settle(2) { $0.readTimeout = .seconds(60) }  // sends heartbeats every 20 s
        village.introduce()
        try #require(village.runUntilConnected())
        #expect(village.run { first.unreachable.contains(MemberID(2)) })
        try #require(village.runUntilConnected())  // and is dialled again
        first.unreachable = []
        let many = (1...30).map { append(1, 2, after: UInt64($0), [[1]]) }
        first.transport.send(many)
        #expect(first.unreachable.contains(MemberID(2)))
        #expect(village.run { second.messages.count >= 10 })
        #expect(second.messages.count == 10)
    }

    @Test func `a steady flow of large appends arrives whole and in order, heartbeats beside it`() throws {
        let village = try Village()
        let members = try village.settleAll(2)
        try #require(village.runUntilConnected())
        let value = [UInt8](repeating: 7, count: 1 << 20)
        for number in 0..<40 {
            members[0].transport.send([append(1, 2, after: UInt64(2 * number), [value, value])])
        }
        members[0].transport.send([message(1, 2, .heartbeat(commit: LogIndex(1), context: []))])
        #expect(village.run { members[1].messages.count == 41 })
        let place = members[1].messages.firstIndex {
            $0.payload == .heartbeat(commit: LogIndex(1), context: [])
        }
        #expect(place.map { $0 < 20 } == true)  // it did not wait behind 80 MiB
        let indexes = members[1].messages.compactMap { message -> UInt64? in
            guard case .append(let append) = message.payload else { return nil }
            return append.entries.allSatisfy { $0.data == value } ? append.previous.index.rawValue : nil
        }
        #expect(indexes == (0..<40).map { UInt64(2 * $0) })
    }
}

@Suite struct `Answers of the peer port` {
    /// The answer of member 1 to a request with the headers of member 2, changed.
    private func ask(
        _ method: String, _ path: String, body: [UInt8] = [], removed: Set<MemberID> = [],
        _ change: (inout [String: String]) -> Void = { _ in }
    ) throws -> (status: Int, text: String, headers: [WebHeader]) {
        let village = try Village()
        let member = try village.settle(1)
        member.transport.setPeers([PeerAddress(id: MemberID(2), urls: [])], removed: removed)
        var headers = [
            "X-Server-From": "2", "X-Server-Version": "3.5.33", "X-Min-Cluster-Version": "3.0.0",
            "x-etcd-cluster-id": "c1", "X-PeerURLs": "http://127.0.0.1:1", "X-Raft-To": "1",
        ]
        change(&headers)
        let client = PeerClient(
            loop: village.loop,
            connector: Connector(loop: village.loop, budget: ConnectionBudget(limit: 10)))
        var answer: Result<WebResponse, PeerRequestError>?
        client.request(
            method, url: member.url, path: path, headers: headers.map { WebHeader($0, $1) }, body: body,
            timeout: .seconds(5)
        ) { answer = $0 }
        try #require(village.run { answer != nil })
        let response = try #require(answer).get()
        client.close()
        return (response.status, String(decoding: response.body, as: UTF8.self), response.headers)
    }

    @Test(arguments: ["/raft/stream/msgapp/2", "/raft/stream/message/2"])
    func `streams are refused with etcd's codes and texts`(path: String) throws {
        var answer = try ask("POST", path)
        #expect(answer.status == 405 && answer.headers.contains(WebHeader("Allow", "GET")))
        answer = try ask("GET", path) { $0["X-Server-Version"] = nil }
        #expect(answer.status == 412 && answer.text == "incompatible version\n")
        answer = try ask("GET", path) { $0["X-Server-Version"] = "2.3.0" }
        #expect(answer.status == 412 && answer.text == "incompatible version\n")
        answer = try ask("GET", path) { $0["X-Min-Cluster-Version"] = "3.6.0" }
        #expect(answer.status == 412 && answer.text == "incompatible version\n")
        answer = try ask("GET", path) { $0["x-etcd-cluster-id"] = "c2" }
        #expect(answer.status == 412 && answer.text == "cluster ID mismatch\n")
        #expect(answer.headers.contains(WebHeader("X-Etcd-Cluster-Id", "c1")))
        #expect(answer.headers.contains(WebHeader("X-Server-Version", "3.5.33")))
        answer = try ask("GET", path) { $0["X-Raft-To"] = "9" }
        #expect(answer.status == 412 && answer.text == "to field mismatch\n")
        answer = try ask("GET", path, removed: [MemberID(2)])
        #expect(answer.status == 410 && answer.text == "removed member\n")
    }

    @Test func `wrong paths and strangers get 404`() throws {
        #expect(try ask("GET", "/raft/stream/foo/2").text == "invalid path\n")
        #expect(try ask("GET", "/raft/stream/msgapp/zz").text == "invalid from\n")
        let stranger = try ask("GET", "/raft/stream/msgapp/3")
        #expect(stranger.status == 404 && stranger.text == "error sender not found\n")
        #expect(try ask("GET", "/raft/foo").status == 404)
    }

    @Test func `posts are checked, decoded and answered with 204`() throws {
        var body: [UInt8] = []
        body.append(WireMessage(message(2, 1, .heartbeat(commit: LogIndex(3), context: []))))
        #expect(try ask("POST", "/raft", body: body).status == 204)
        #expect(try ask("GET", "/raft").headers.contains(WebHeader("Allow", "POST")))
        var answer = try ask("POST", "/raft", body: [0xff])
        #expect(answer.status == 400 && answer.text == "error unmarshalling raft message\n")
        #expect(try ask("POST", "/raft").status == 400)
        #expect(try ask("POST", "/raft", body: body, removed: [MemberID(2)]).status == 403)
        body = []
        body.append(WireMessage(message(2, 7, .timeoutNow)))
        answer = try ask("POST", "/raft", body: body)
        #expect(answer.status == 412 && answer.text == "to field mismatch\n")
        answer = try ask("POST", "/raft", body: body) { $0["x-etcd-cluster-id"] = "c2" }
        #expect(answer.status == 412 && answer.text == "cluster ID mismatch\n")
    }

    @Test func `snapshots of another format, without one, or torn are refused`() throws {
        #expect(try ask("POST", "/raft/snapshot").status == 415)
        let foreign = try ask("POST", "/raft/snapshot", body: [1, 2, 3])
        #expect(foreign.status == 415 && foreign.text.hasPrefix("unsupported snapshot format"))
        func own(_ body: [UInt8]) throws -> (status: Int, text: String, headers: [WebHeader]) {
            try ask("POST", "/raft/snapshot", body: body) { $0["X-Snapshot-Format"] = "swift-etcd.snap" }
        }
        #expect(try own([]).text == "failed to decode raft message (EOF)\n")
        #expect(try own([0, 0]).text == "failed to decode raft message (unexpected EOF)\n")
        #expect(try own([255, 0, 0, 0, 0, 0, 0, 0]).text == "failed to decode raft message (too large)\n")
        #expect(
            try own([0, 0, 0, 0, 0, 0, 0, 1, 0xff]).text == "failed to decode raft message (malformed)\n")
        #expect(
            try own(SnapshotEnvelope.encode(message(2, 1, .timeoutNow))).text == "wrong raft message type\n")
    }

    @Test func `probing tells the time, other paths belong to the other pages`() throws {
        let probing = try ask("GET", "/raft/probing")
        #expect(probing.text.hasPrefix("{\"OK\":true,\"Now\":\"20") && probing.text.hasSuffix("Z\"}\n"))
        #expect(try ask("GET", "/members").text == "GET /members 0")
        #expect(try ask("POST", "/leases", body: [1, 2]).text == "POST /leases 2")
    }
}
