import Net

@testable import HTTP

/// A server's HTTP/2 session against what a client might say. The preconditions are the oracle, and what
/// comes out must be whole frames.
///
///     offset  size  field
///     0       1     bit 0: the rest is frames; bits 1...2: how output is pulled; bit 3: windows wide open
///     1       n     bytes as they come; or frames: type, flags, stream, length, payload, a byte each
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    guard let mode = input.first else { return 0 }
    let client = Client(pulling: Int(mode >> 1 & 3))
    client.say(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
    if mode & 8 != 0 { client.say([0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0]) }
    if mode & 1 == 0 { client.say(Array(input.dropFirst())) } else { client.sayFrames(input.dropFirst()) }
    client.end()
    return 0
}

/// Inputs that get somewhere: a call of every kind, by bytes and by frames.
@_cdecl("LLVMFuzzerInitialize")
public func begin(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    for route in 0..<UInt8(Application.routes.paths.count) {
        // An indexed `:method POST`, then `:path` and content-type as `Client.block` spells them out.
        let message: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3]
        let frames: [[UInt8]] = [
            [1, 4, 1, 3, 0xff, route, 0xff], [0, 0, 1, 8] + message, [1, 5, 3, 2, 0xff, route],
            [8, 0, 0, 4, 0, 0, 9, 9],
            [6, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8], [4, 0, 0, 6, 0, 4, 0, 0, 0, 9], [0, 1, 1, 0],
            [3, 0, 3, 4, 0, 0, 0, 8],
        ]
        for mode: UInt8 in [1, 3, 5, 7, 9, 15] {
            Scratch.seed("frames\(route)-\(mode)", [mode] + frames.joined())
        }
        let block = Client.block(route)
        Scratch.seed(
            "bytes\(route)",
            [8] + [0, 0, UInt8(block.count), 1, 4, 0, 0, 0, 1] + block + [0, 0, 8, 0, 1, 0, 0, 0, 1] + message
        )
    }
    return 0
}

/// The other side, with a clock that runs on and a host that closes at once when it may.
private final class Client: SessionHost {
    private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
    let peerDescription = ""
    private let application = Application()
    private let pulling: Int
    private var session: HTTP2ServerSession?
    private var isClosed = false
    private var isClosing = false
    private var wantsFlush = false
    private var output: [UInt8] = []
    private var inBlock: UInt32?

    init(pulling: Int) {
        self.pulling = pulling
        session = HTTP2ServerSession(
            configuration: HTTPConfiguration(
                limits: Self.limits, routes: Application.routes, metadataKeys: ["token"]),
            application: application, host: self)
    }

    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.messageBytesMax = 2000
        limits.partialBytesMax = 3000
        limits.unsentBytesMax = 300_000
        limits.openCallsMax = 20
        limits.lowWaterBytes = 1000
        limits.resetsBurst = 20
        limits.windowBytes = 65_535
        return limits
    }

    static func block(_ route: UInt8) -> [UInt8] {
        let path = Array(Application.routes.paths[Int(route) % Application.routes.paths.count].utf8)
        let type = Array("application/grpc".utf8)
        return [0x83, 0x44, UInt8(path.count)] + path + [0x5f, UInt8(type.count)] + type
    }

    func say(_ bytes: [UInt8]) {
        // In one piece, or a few bytes at a time.
        let step = pulling == 3 ? 7 : max(1, bytes.count)
        for start in stride(from: 0, to: bytes.count, by: step) where !isClosed && !isClosing {
            unsafe bytes[start..<min(start + step, bytes.count)].withUnsafeBytes {
                unsafe session?.receive($0)
            }
            if pulling != 0 { pull() }
        }
    }

    func sayFrames(_ input: ArraySlice<UInt8>) {
        var rest = input
        while rest.count >= 4, !isClosed, !isClosing {
            let (type, flags, stream) = (rest.removeFirst(), rest.removeFirst(), rest.removeFirst())
            var payload = Array(rest.prefix(Int(rest[rest.startIndex])))
            rest = rest.dropFirst(1 + payload.count)
            if type & 0x80 != 0 { wait(flags) }
            // 0xff and a number: a good request.
            if type & 0xf == 1, payload.first == 0xff, payload.count > 1 {
                payload = Self.block(payload[1]) + payload.dropFirst(2).filter { $0 != 0xff }
            }
            let length = UInt8(truncatingIfNeeded: payload.count >> 8)
            say(
                [0, length, UInt8(truncatingIfNeeded: payload.count), type & 0xf, flags, 0, 0, 0, stream]
                    + payload)
            application.act(flags)
        }
    }

    private func wait(_ amount: UInt8) {
        now = now + .milliseconds(Int(amount) * Int(amount) * 10)
        session?.tick()
    }

    /// Pulls as a connection does.
    private func pull() {
        guard wantsFlush, !isClosed else { return }
        wantsFlush = false
        let size = pulling == 1 ? 256 * 1024 : 16_448 + 100 * pulling
        for _ in 0..<1000 {
            guard let session, !isClosed else { return }
            var fresh = [UInt8](repeating: 0xaa, count: size)
            let count = unsafe fresh.withUnsafeMutableBytes { unsafe session.produce(into: $0) }
            if count == 0 { return }
            output += fresh[..<count]
            checkFrames()
            // All of `control` had room, so nothing is cut.
            if count < 16_384 { precondition(output.isEmpty, "whole frames") }
            if session.isSilent {
                precondition(!session.hasOutput, "silent")
                return
            }
        }
        preconditionFailure("output ends")
    }

    /// Takes whole frames off the front, and looks at them.
    private func checkFrames() {
        var start = 0
        while output.count - start >= 9 {
            let head = output[start..<start + 9].withUnsafeBytes { unsafe HTTP2FrameHead($0) }
            precondition(head.length <= 16_384 && head.type < 10, "a frame a client can read")
            precondition(
                (head.streamID == 0) == [4, 6, 7].contains(head.type) || head.type == 8, "its stream")
            if output.count - start < 9 + head.length { break }
            let stream = UInt32(head.streamID)
            precondition(
                (head.type == 9) == (inBlock != nil) && (inBlock ?? stream) == stream, "a block in one piece")
            if head.type == 1 || head.type == 9 { inBlock = head.flags & 4 == 0 ? stream : nil }
            start += 9 + head.length
        }
        output.removeFirst(start)
    }

    func end() {
        wait(3)
        application.finishAll()
        wantsFlush = true
        pull()
        wait(255)
        pull()
        session?.closed()
        guard let session else { return }
        precondition(
            session.unsentBytes == 0 && session.partialBytes == 0 && session.streams.isEmpty, "nothing kept")
        application.checkEnds()
        self.session = nil
    }

    func requestFlush() { wantsFlush = true }
    func pauseReading() {}
    func resumeReading() {}
    func wake(at time: MonotonicTime) {}
    func closeWhenFlushed() { isClosing = true }
    /// A connection calls back when the call it is in is over; here it may be at once.
    func close() {
        isClosed = true
        if pulling == 2 { session?.closed() }
    }
}

private final class Application: GRPCApplication, GRPCHandler {
    static let routes = GRPCRoutes([
        "/a/Echo", "/a/Stream", "/a/Source", "/a/Broken", "/a/Silent", "/a/Fail", "/a/Flood",
    ])

    private var calls: [GRPCCall] = []
    private var sourceCount = 0
    private var openedCount = 0
    private var endedCount = 0

    func opened(_ call: GRPCCall) {
        openedCount += 1
        guard let route = call.route, route != 5 else {
            endedCount += 1
            return call.finish(GRPCStatus(.notFound, String(repeating: "%", count: 6000)))
        }
        call.handler = self
        calls.append(call)
        if route == 1 { call.begin() }
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        let message = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        switch call.route {
        case 0:
            call.send(message)
            finish(call)
        case 1: call.send(message)
        case 2, 3:
            sourceCount += 1
            call.send(
                Source(size: 50 * message.count, isBroken: call.route == 3) { [unowned self] in
                    sourceCount -= 1
                })
        case 6:
            while call.queuedBytes < 100_000, call.isOpen { call.send([UInt8](repeating: 1, count: 3000)) }
        default: break
        }
    }

    func halfClosed(_ call: GRPCCall) { if call.route != 4 { finish(call) } }
    func drained(_ call: GRPCCall) { call.send([1, 2, 3]) }

    func cancelled(_ call: GRPCCall) {
        precondition(!call.isOpen, "closed already")
        endedCount += 1
        calls.removeAll { $0 === call }
        // Handlers talk to each other's calls.
        calls.first?.send([9])
    }

    private func finish(_ call: GRPCCall) {
        guard call.isOpen else { return }
        endedCount += 1
        calls.removeAll { $0 === call }
        call.finish()
    }

    /// Something out of the blue.
    func act(_ choice: UInt8) {
        guard choice >= 0x60, !calls.isEmpty else { return }
        let call = calls[Int(choice) % calls.count]
        switch choice >> 5 {
        case 3: call.send([UInt8](repeating: 7, count: Int(choice) * 40))
        case 4: finish(call)
        default: call.begin()
        }
    }

    func finishAll() { for call in calls { finish(call) } }

    func checkEnds() {
        precondition(sourceCount == 0, "every source is released, once")
        precondition(openedCount == endedCount, "every call ends once")
    }
}

private final class Source: MessageSource {
    let size: Int
    private let isBroken: Bool
    private let whenReleased: () -> Void
    private var isReleased = false

    init(size: Int, isBroken: Bool, _ whenReleased: @escaping () -> Void) {
        self.size = size
        self.isBroken = isBroken
        self.whenReleased = whenReleased
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if isBroken && size % 3 == 0 { return 0 }
        let count = min(buffer.count, 1000)
        for index in 0..<count { unsafe buffer[index] = 1 }
        return count
    }

    func released() {
        precondition(!isReleased, "released once")
        isReleased = true
        whenReleased()
    }
}
