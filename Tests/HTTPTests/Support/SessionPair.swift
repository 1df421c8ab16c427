import Net

@testable import HTTP

/// A client's session and a server's with wires between them that carry any number of bytes at a time. Each
/// side is asked for output only when it said that it has some, so that what it forgets to say is missed.
final class SessionPair {
    /// A connection's end: its session, and the bytes on their way to it.
    final class End: SessionHost {
        unowned let pair: SessionPair
        var session: HTTP2Session!
        var arriving: [UInt8] = []
        private(set) var wantsFlush = false
        private(set) var isClosing = false
        /// Asked to, or the whole connection is gone.
        var isClosed = false
        private var wakeTime: MonotonicTime?

        init(_ pair: SessionPair) { self.pair = pair }

        var now: MonotonicTime { pair.now }
        var peerDescription: String { "127.0.0.1:3" }
        func requestFlush() { wantsFlush = true }
        func pauseReading() {}
        func resumeReading() {}
        func wake(at time: MonotonicTime) { wakeTime = wakeTime.map { min($0, time) } ?? time }
        func closeWhenFlushed() { isClosing = true }
        func close() { isClosed = true }

        /// Takes what has arrived, at most so many bytes.
        func read(_ count: Int) {
            let part = Array(arriving.prefix(count))
            arriving.removeFirst(part.count)
            if !isClosing, !isClosed { unsafe part.withUnsafeBytes { unsafe session.receive($0) } }
        }

        /// What the session says into one buffer of so many bytes, if it asked.
        func say(_ size: Int) -> [UInt8] {
            guard wantsFlush, !isClosed else { return [] }
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                unsafe count = session.produce(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if bytes.isEmpty || session.isSilent && !session.hasOutput { wantsFlush = false }
            return bytes
        }

        func tick() {
            guard let time = wakeTime, time <= now, !isClosed else { return }
            wakeTime = nil
            session.tick()
        }
    }

    var now = MonotonicTime(nanoseconds: 1_000_000_000)
    private(set) var client: End!
    private(set) var server: End!
    let caller = Caller()
    let answerer = Answerer()

    init(_ clientLimits: HTTPLimits, _ serverLimits: HTTPLimits) {
        client = End(self)
        server = End(self)
        client.session = HTTP2ClientSession(limits: clientLimits, host: client)
        server.session = HTTP2ServerSession(
            configuration: HTTPConfiguration(
                limits: serverLimits, routes: EchoApplication.routes, metadataKeys: ["token"]),
            application: answerer, host: server)
    }

    var clientSession: HTTP2ClientSession { client.session as! HTTP2ClientSession }
    var serverSession: HTTP2ServerSession { server.session as! HTTP2ServerSession }

    func carry(fromClient: Bool, size: Int, count: Int) {
        let (from, to) = fromClient ? (client!, server!) : (server!, client!)
        to.arriving += from.say(size)
        to.read(count)
    }

    /// Carries all there is to say; false when that does not end.
    func settle() -> Bool {
        for _ in 0..<2000 {
            carry(fromClient: true, size: 256 * 1024, count: .max)
            carry(fromClient: false, size: 256 * 1024, count: .max)
            if !client.wantsFlush && !server.wantsFlush || client.isClosed || server.isClosed { return true }
        }
        return false
    }

    /// Counts what a client's calls are told.
    final class Caller: GRPCResponseHandler {
        var messages: [Int: [[UInt8]]] = [:]
        var statuses: [Int: [GRPCStatus]] = [:]
        /// Cancels another call from within.
        var whenTold: ((GRPCClientCall) -> Void)?

        func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
            messages[call.tag, default: []].append(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
            whenTold?(call)
        }
        func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
            statuses[call.tag, default: []].append(status)
            whenTold?(call)
        }
        func drained(_ call: GRPCClientCall) { whenTold?(call) }
    }

    /// Keeps a server's calls for the test to answer; the token names the client's call.
    final class Answerer: GRPCApplication, GRPCHandler {
        var open: [GRPCCall] = []
        var tags: [UInt64: Int] = [:]
        var messages: [Int: [[UInt8]]] = [:]
        var halfClosed: [Int: Int] = [:]
        var cancelled: [Int: Int] = [:]
        var whenTold: ((GRPCCall) -> Void)?

        func tag(_ call: GRPCCall) -> Int { tags[call.id] ?? -1 }

        func opened(_ call: GRPCCall) {
            tags[call.id] = call.metadata("token").flatMap { Int(String(decoding: $0, as: UTF8.self)) }
            call.handler = self
            open.append(call)
            whenTold?(call)
        }
        func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
            messages[tag(call), default: []].append(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
            whenTold?(call)
        }
        func halfClosed(_ call: GRPCCall) {
            halfClosed[tag(call), default: 0] += 1
            whenTold?(call)
        }
        func cancelled(_ call: GRPCCall) {
            cancelled[tag(call), default: 0] += 1
            open.removeAll { $0 === call }
            whenTold?(call)
        }
        func drained(_ call: GRPCCall) { whenTold?(call) }
    }
}
