import Testing

@testable import Net

/// Says what it is told to.
private final class Speaker: ByteMachine {
    let connection: Connection
    var unsaid: [UInt8] = []
    var whenAsked: () -> Void = {}

    init(_ connection: Connection) { self.connection = connection }

    func say(_ bytes: [UInt8]) {
        unsaid += bytes
        connection.requestFlush()
    }

    func received(_ bytes: UnsafeRawBufferPointer) {}
    func inputEnded() { connection.close() }

    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, unsaid.count)
        unsafe unsaid.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[..<count])) }
        unsaid.removeFirst(count)
        whenAsked()
        return count
    }

    func closed() { whenAsked = {} }
}

/// Carries as it is, and takes its leave.
private final class Carrier: ByteCarrier {
    private var machine: (any ByteMachine)?
    let failure: String? = nil

    func carry(_ machine: any ByteMachine) { self.machine = machine }
    func received(_ bytes: UnsafeRawBufferPointer) { unsafe machine?.received(bytes) }
    func inputEnded() { machine?.inputEnded() }
    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe machine?.produce(into: buffer) ?? 0
    }

    func lastWords(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe buffer.copyBytes(from: "bye".utf8)
        return 3
    }

    func closed() { machine?.closed() }
}

/// Speakers on one loop, each with a client that listens.
private final class Audience {
    let loop: EventLoop
    let socket: ListeningSocket
    let budget = ConnectionBudget(limit: 100)
    private(set) var speakers: [Speaker] = []
    private var clients: [Client] = []
    private var heard: [[UInt8]] = []
    private var listener: Listener?

    init(_ count: Int, hasCarriers: Bool = false) throws {
        loop = try EventLoop(doorbell: try Doorbell())
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        listener = try Listener(loop: loop, socket: socket, budget: budget) {
            [unowned self] (descriptor: consuming Descriptor, peer) in
            let connection = Connection(loop: loop, descriptor: descriptor, peer: peer, budget: budget)
            if hasCarriers { try? connection.attach(carrier: Carrier()) }
            let speaker = Speaker(connection)
            try? connection.attach(speaker)
            speakers.append(speaker)
        }
        for _ in 0..<count {
            clients.append(try Client(socket.port))
            heard.append([])
            while speakers.count < clients.count { pass() }
        }
    }

    func pass() {
        let timer = loop.schedule(after: .milliseconds(5)) {}
        loop.runPass()
        loop.cancel(timer)
    }

    /// What each client has heard, once that is as much as is asked for, or after 20 seconds.
    func hear(_ counts: [Int]) throws -> [[UInt8]] {
        let end = MonotonicTime.now() + .seconds(20)
        while heard.map(\.count) != counts, MonotonicTime.now() < end {
            pass()
            for index in clients.indices { heard[index] += try clients[index].receive() ?? [] }
        }
        return heard
    }

    func close() {
        for speaker in speakers { speaker.connection.close() }
        listener?.close()
    }
}

@Suite struct `Flush of a pass` {
    @Test func `what many say in one pass reaches each its own client`() throws {
        let audience = try Audience(40)
        defer { audience.close() }
        // Little, much, more than one write, more than the writes of a pass.
        let sizes = (0..<40).map { [10, 1000, 200_000, 70_000, 1_500_000][$0 % 5] + $0 }
        let texts = sizes.enumerated().map { number, size in
            (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7 &+ number) }
        }
        for (speaker, text) in zip(audience.speakers, texts) { speaker.say(text) }
        #expect(try audience.hear(sizes) == texts)
    }

    @Test func `last words do not touch what others have said in the pass`() throws {
        let audience = try Audience(3, hasCarriers: true)
        defer { audience.close() }
        for speaker in audience.speakers { speaker.say(Array("something".utf8)) }
        audience.speakers[1].connection.closeWhenFlushed()
        audience.speakers[2].say(Array(" more".utf8))
        let heard = try audience.hear([9, 12, 14]).map { String(decoding: $0, as: UTF8.self) }
        #expect(heard == ["something", "somethingbye", "something more"])
    }

    @Test func `who asks for a flush while it speaks is asked once for it`() throws {
        let audience = try Audience(1)
        defer { audience.close() }
        let speaker = audience.speakers[0]
        speaker.whenAsked = { speaker.connection.requestFlush() }
        speaker.say([1])
        audience.pass()
        speaker.whenAsked = {}
        speaker.say([2])
        speaker.connection.closeWhenFlushed()
        #expect(try audience.hear([2]) == [[1, 2]])
    }

    @Test func `who is closed by another in the same pass says nothing any more`() throws {
        let audience = try Audience(3)
        defer { audience.close() }
        audience.speakers[1].whenAsked = { [unowned audience] in audience.speakers[0].connection.close() }
        for speaker in audience.speakers { speaker.say([1, 2, 3]) }
        #expect(try audience.hear([0, 3, 3]) == [[], [1, 2, 3], [1, 2, 3]])
        #expect(audience.budget.count == 2)
    }
}
