@testable import HTTP

/// Answers of every kind, and a journal of what it was told.
final class EchoApplication: GRPCApplication, GRPCHandler {
    static let routes = GRPCRoutes([
        "/test.Echo/Unary", "/test.Echo/Stream", "/test.Echo/Source", "/test.Echo/Silent",
        "/test.Echo/Metadata",
        "/test.Echo/Fail", "/test.Echo/Flood", "/test.Echo/BrokenSource",
    ])
    static let configuration = HTTPConfiguration(routes: routes, metadataKeys: ["token", "hasleader"])

    static func configuration(_ change: (inout HTTPLimits) -> Void) -> HTTPConfiguration {
        var limits = HTTPLimits()
        change(&limits)
        return HTTPConfiguration(limits: limits, routes: routes, metadataKeys: ["token", "hasleader"])
    }

    var opened: [GRPCCall] = []
    var messages: [[UInt8]] = []
    var halfClosedCount = 0
    var cancelled: [GRPCCall] = []
    var drainedCount = 0
    var releasedSources = 0

    func opened(_ call: GRPCCall) {
        opened.append(call)
        guard let route = call.route else { return call.finish(call.unknownMethodStatus) }
        if route == 5 { return call.finish(GRPCStatus(.notFound, "50% gone: ü\n")) }
        call.handler = self
        if route == 1 { call.begin() }
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        let message = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        messages.append(message)
        switch call.route {
        case 0:
            call.send(message)
            call.finish()
        case 1: call.send(message)
        case 2, 7:
            let size = message.reduce(0) { $0 << 8 | Int($1) }
            call.send(
                PatternSource(size: size, failsAt: call.route == 7 ? size / 2 : nil) { [weak self] in
                    self?.releasedSources += 1
                })
            call.finish()
        case 4:
            call.send(call.metadata("token") ?? [])
            call.finish()
        case 6:
            while call.queuedBytes < 64 * 1024 { call.send(message) }
        default: break
        }
    }

    func halfClosed(_ call: GRPCCall) {
        halfClosedCount += 1
        if call.route == 1 { call.finish() }
    }

    func cancelled(_ call: GRPCCall) { cancelled.append(call) }

    func drained(_ call: GRPCCall) { drainedCount += 1 }
}

/// Bytes that tell their own place: byte i is i * 31 modulo 251.
final class PatternSource: MessageSource {
    let size: Int
    private let failsAt: Int?
    private let whenReleased: () -> Void
    private var position = 0
    private(set) var largestFill = 0

    init(size: Int, failsAt: Int? = nil, whenReleased: @escaping () -> Void = {}) {
        self.size = size
        self.failsAt = failsAt
        self.whenReleased = whenReleased
    }

    static func byte(_ index: Int) -> UInt8 { UInt8(index &* 31 % 251) }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if let failsAt, position >= failsAt { return 0 }
        largestFill = max(largestFill, buffer.count)
        let count = min(buffer.count, 4000)
        for index in 0..<count { unsafe buffer[index] = Self.byte(position + index) }
        position += count
        return count
    }

    func released() { whenReleased() }
}
