import Journal
import Raft
import Testing

@testable import Peers

/// One message of every kind; the raft core sends no others.
let everyMessage: [Message] = {
    let change = ConfigurationEntry(
        id: 5, change: ConfigurationChange(steps: [.init(.addNode, MemberID(9))]), context: [1])
    let configuration = ConfigurationState(voters: [MemberID(1), MemberID(2)], learners: [MemberID(3)])
    return [
        append(1, 2, after: 0, [[1, 2, 3], [], [UInt8](repeating: 5, count: 300)], commit: 1),
        append(1, 2, after: 7, term: 3, []),
        message(1, 2, .appendAccepted(LogIndex(200))),
        message(1, 2, .appendRejected(rejected: LogIndex(9), hint: position(2, 4))),
        message(1, 2, .heartbeat(commit: LogIndex(3), context: [])),
        message(1, 2, .heartbeat(commit: LogIndex(0), context: [1, 2, 3, 4, 5, 6, 7, 8])),
        message(1, 2, .heartbeatResponse(context: [9])),
        message(1, 2, term: 8, .vote(last: position(3, 4), isTransfer: false)),
        message(1, 2, term: 8, .vote(last: position(3, 4), isTransfer: true)),
        message(1, 2, .voteResponse(isGranted: true)), message(1, 2, .voteResponse(isGranted: false)),
        message(1, 2, term: 9, .preVote(last: position(3, 4))),
        message(1, 2, .preVoteResponse(isGranted: true)), message(1, 2, .preVoteResponse(isGranted: false)),
        message(
            1, 2, term: 4, .snapshot(SnapshotMetadata(id: position(3, 70), configuration: configuration))),
        message(1, 2, .timeoutNow),
        message(3, 2, term: 0, .transferLeadership(to: MemberID(3))),
        message(1, 2, term: 0, .proposal([[1], [], [2, 3]])),
        message(
            1, 2, term: 0,
            .configurationProposal(
                ConfigurationProposal(
                    kind: .configurationChange, data: change.data(kind: .configurationChange),
                    change: change.change))),
        message(1, 2, term: 0, .readIndex(context: [0, 0, 0, 0, 0, 0, 0, 7])),
        message(1, 2, .readIndexResponse(LogIndex(44), context: [0, 0, 0, 0, 0, 0, 0, 7])),
    ]
}()

func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { $0 != " " && $0 != "\n" }
    return stride(from: 0, to: digits.count, by: 2).compactMap { place in
        let start = digits.index(digits.startIndex, offsetBy: place)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
    }
}

private func decode(_ bytes: [UInt8]) throws -> Message? { try unsafe Message.received(bytes.span.bytes) }

@Suite struct `Messages on the wire` {
    @Test(arguments: everyMessage)
    func `what is written is read back`(message: Message) throws {
        var bytes: [UInt8] = []
        bytes.append(WireMessage(message))
        #expect(try decode(bytes) == message)
    }

    @Test func `a heartbeat of etcd is written to the byte`() {
        // spec/vectors.md 6
        let heartbeat = Message(
            from: MemberID(0xc67d_8e91_b51e_3d51), to: MemberID(0x43d2_72ba_5f3c_4f30), term: Term(2),
            payload: .heartbeat(commit: LogIndex(11), context: []))
        var bytes: [UInt8] = []
        MessageStream.append(heartbeat, to: &bytes)
        #expect(
            bytes
                == hex(
                    """
                    000000000000002f 0808 10b09ef1f9a5d79ce943 18d1faf8a89bd2e3bec601 2002 2800 3000 400b
                    4a0a12080a02280010001800 5000 5800
                    """))
        bytes = []
        MessageStream.appendHeartbeat(to: &bytes)
        #expect(
            bytes
                == hex(
                    "000000000000001e 0808 1000 1800 2000 2800 3000 4000 4a0a12080a02280010001800 5000 5800"))
    }

    @Test func `scalars may be missing, fields unknown, and a newer sender's vote ignored`() throws {
        // type 8, to 2, from 1, term 3, vote (13) 9, responses (14) empty, and field 99.
        let bytes = hex("0808 1002 1801 2003 6809 7200 9a0600")
        #expect(try decode(bytes) == message(1, 2, term: 3, .heartbeat(commit: LogIndex(0), context: [])))
    }

    @Test(arguments: [0, 1, 10, 11, 12, 19, 23, 500])
    func `kinds that never travel are passed over`(kind: Int) throws {
        var bytes: [UInt8] = [0x08]
        var rest = kind
        while rest >= 128 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        #expect(try decode(bytes + [UInt8(rest), 0x10, 2, 0x18, 1]) == nil)
    }

    @Test func `what no sound member sends is refused`() {
        func refused(_ change: (inout WireMessage) -> Void) -> Bool {
            var wire = WireMessage(append(1, 2, after: 4, [[1], [2]]))
            change(&wire)
            var bytes: [UInt8] = []
            bytes.append(wire)
            do { return try decode(bytes) == nil } catch { return error is StreamError }
        }
        #expect(!refused { $0.commit = 3 })
        #expect(refused { $0.index = 5 })  // a gap
        #expect(refused { $0.entries.swapAt(0, 1) })
        #expect(refused { $0.entries[1].id.term = Term(7) })  // newer than the sender
        #expect(refused { $0.logTerm = 2 })
        #expect(refused { $0.commit = 1 << 63 })
        #expect(refused { $0.term = .max })
        #expect(refused { $0.kind = .snapshot })  // without one
        #expect(refused { $0.kind = .readIndex })  // two entries
        #expect(
            refused {
                $0.kind = .proposal
                $0.entries[0].kind = .configurationChange
            })
    }

    @Test func `cut or flipped bytes never crash`() {
        for message in everyMessage {
            var bytes: [UInt8] = []
            bytes.append(WireMessage(message))
            for end in bytes.indices { _ = try? decode(Array(bytes[..<end])) }
            for place in bytes.indices {
                for bit in 0..<8 {
                    var damaged = bytes
                    damaged[place] ^= 1 << UInt8(bit)
                    _ = try? decode(damaged)
                }
            }
        }
    }
}

@Suite struct `Message stream` {
    @Test func `messages are read wherever the bytes are split`() throws {
        var bytes: [UInt8] = []
        for message in everyMessage {
            MessageStream.appendHeartbeat(to: &bytes)
            MessageStream.append(message, to: &bytes)
        }
        for split in 0...bytes.count {
            var decoder = MessageStreamDecoder(messageBytesMax: 1 << 20)
            var messages: [Message] = []
            try unsafe decoder.receive(Array(bytes[..<split]).span.bytes, into: &messages)
            try unsafe decoder.receive(Array(bytes[split...]).span.bytes, into: &messages)
            #expect(messages == everyMessage)
        }
        var decoder = MessageStreamDecoder(messageBytesMax: 1 << 20)
        var messages: [Message] = []
        for byte in bytes { try unsafe decoder.receive([byte].span.bytes, into: &messages) }
        #expect(messages == everyMessage)
    }

    @Test func `a length beyond the bound is refused before its bytes come`() throws {
        var decoder = MessageStreamDecoder(messageBytesMax: 100)
        var messages: [Message] = []
        try unsafe decoder.receive(hex("0000").span.bytes, into: &messages)
        #expect(throws: StreamError.tooLarge(101)) {
            try unsafe decoder.receive(hex("000000000065").span.bytes, into: &messages)
        }
    }
}

@Suite struct `Append stream` {
    private let flow: [Message] = [
        append(1, 2, after: 4, term: 2, [[1], [2, 2]], commit: 3),
        append(1, 2, after: 6, term: 2, [[3], []], commit: 5),  // goes on: kind 1
        append(1, 2, after: 8, term: 2, [], commit: 8),  // goes on, empty
        append(1, 2, after: 8, term: 2, [[4]], commit: 8),
        append(1, 2, after: 5, term: 2, [[9]]),  // back: kind 2
        append(1, 2, after: 6, term: 3, [[7], [8]]),  // logTerm is 3 as well: kind 2, then 1
        append(1, 2, after: 8, term: 3, [[UInt8](repeating: 1, count: 500)]),
    ]

    private func encoded(_ messages: [Message]) -> [UInt8] {
        var encoder = AppendStreamEncoder()
        var bytes: [UInt8] = []
        for message in messages {
            encoder.append(message, to: &bytes)
            AppendStreamEncoder.appendHeartbeat(to: &bytes)
        }
        return bytes
    }

    private func decoder(_ limit: Int = 1 << 20) -> AppendStreamDecoder {
        AppendStreamDecoder(from: MemberID(1), to: MemberID(2), messageBytesMax: limit)
    }

    @Test func `appends that go on from the last are written as entries only`() {
        var encoder = AppendStreamEncoder()
        var kinds: [UInt8] = []
        for message in flow {
            var bytes: [UInt8] = []
            encoder.append(message, to: &bytes)
            kinds.append(bytes[0])
        }
        #expect(kinds == [2, 1, 1, 1, 2, 2, 1])
    }

    @Test func `appends are read wherever the bytes are split`() throws {
        let bytes = encoded(flow)
        for split in 0...bytes.count {
            var decoder = decoder()
            var messages: [Message] = []
            try unsafe decoder.receive(Array(bytes[..<split]).span.bytes, into: &messages)
            try unsafe decoder.receive(Array(bytes[split...]).span.bytes, into: &messages)
            #expect(messages == flow)
        }
        var decoder = decoder()
        var messages: [Message] = []
        for byte in bytes { try unsafe decoder.receive([byte].span.bytes, into: &messages) }
        #expect(messages == flow)
    }

    @Test func `the capture of a real etcd is read and written to the byte`() throws {
        // spec/vectors.md 6, its entry's data completed with zeros.
        let (to, from) = (MemberID(0x43d2_72ba_5f3c_4f30), MemberID(0xc67d_8e91_b51e_3d51))
        let data = hex("220a0a0161120131a2060a") + [UInt8](repeating: 0, count: 10)
        let captured =
            hex(
                """
                02 000000000000004e 0803 10b09ef1f9a5d79ce943 18d1faf8a89bd2e3bec601 2002 2802 300b
                3a1d 08001002180c2215
                """) + data + hex("400b 4a0a12080a02280010001800 5000 5800 00")
        var decoder = AppendStreamDecoder(from: from, to: to, messageBytesMax: 1 << 20)
        var messages: [Message] = []
        try unsafe decoder.receive(captured.span.bytes, into: &messages)
        let entry = Entry(id: position(2, 12), data: data)
        let expected = Message(
            from: from, to: to, term: Term(2),
            payload: .append(.init(previous: position(2, 11), entries: [entry], commit: LogIndex(11))))
        #expect(messages == [expected])
        #expect(encoded(messages) == captured)
    }

    @Test func `junk ends the stream`() {
        func failure(_ text: String) -> StreamError? {
            var decoder = decoder(1000)
            var messages: [Message] = []
            do throws(StreamError) { try unsafe decoder.receive(hex(text).span.bytes, into: &messages) } catch
            {
                return error
            }
            return nil
        }
        #expect(failure("00 00 03") == .unknownFrame(3))
        #expect(failure("02 00000000000003e9") == .tooLarge(1001))
        #expect(failure("01 ffffffffffffffff") == .tooLarge(.max))
        #expect(failure("01 0000000000000001 ffffffffffffffff") == .tooLarge(.max))
        #expect(failure("01 0000000000000001 0000000000000001 ff") != nil)
        // An entry that does not follow: index 5 after 0.
        #expect(failure("01 0000000000000001 0000000000000006 080010001805") == .message(.field(7)))
        #expect(failure("02 0000000000000006 080810021801") == .notAnAppend)
        #expect(failure("02 0000000000000001 ff") != nil)
        #expect(failure("01 0000000000000001 0000000000000006 0800") == nil)  // not whole
    }

    @Test func `flipped bytes never crash`() {
        let bytes = encoded(flow)
        for place in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[place] ^= 1 << UInt8(bit)
                var decoder = decoder()
                var messages: [Message] = []
                _ = try? unsafe decoder.receive(damaged.span.bytes, into: &messages)
            }
        }
    }
}
