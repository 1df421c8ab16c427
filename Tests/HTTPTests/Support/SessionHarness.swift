import Net

@testable import HTTP

/// An HTTP/2 session without a socket: bytes in, frames out, and a clock that the test turns.
final class SessionHarness: SessionHost {
    var now = MonotonicTime(nanoseconds: 1_000_000_000)
    let peerDescription = "127.0.0.1:1"
    private(set) var wantsFlush = false
    private(set) var isClosing = false
    private(set) var isClosed = false
    private(set) var wakeTime: MonotonicTime?
    let application = EchoApplication()
    let reader = FrameReader()
    private(set) var session: HTTP2ServerSession!

    init(_ configuration: HTTPConfiguration = EchoApplication.configuration) {
        session = HTTP2ServerSession(
            configuration: configuration,
            application: application,
            host: self)
    }

    /// A session that has shaken hands.
    static func connected(_ configuration: HTTPConfiguration = EchoApplication.configuration)
        -> SessionHarness
    {
        let harness = SessionHarness(configuration)
        harness.feed(Frames.preface + Frames.settings() + Frames.settingsAcknowledgement)
        harness.flush()
        return harness
    }

    func feed(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        unsafe bytes.withUnsafeBytes { unsafe session.receive($0) }
    }

    /// As a connection does: pulls output only if it was asked to, and no more once the session is silent.
    func pump(size: Int = 256 * 1024) {
        guard wantsFlush else { return }
        wantsFlush = false
        flush(size: size, untilSilent: true)
    }

    /// Pulls output, at most `rounds` buffers of `size` bytes.
    func flush(rounds: Int = 1000, size: Int = 256 * 1024, untilSilent: Bool = false) {
        for _ in 0..<rounds {
            guard !isClosed else { return }
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
                unsafe count = session.produce(into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            }
            if count == 0 { return }
            reader.append(bytes)
            if untilSilent, session.isSilent { return }
        }
    }

    func exchange(_ bytes: [UInt8]) {
        feed(bytes)
        flush()
    }

    /// Turns the clock to the next wake-up the session asked for.
    func advanceToWake() {
        guard let time = wakeTime else { return }
        wakeTime = nil
        now = max(now, time)
        session.tick()
    }

    func advance(_ duration: Duration) {
        let end = now + duration
        while let time = wakeTime, time <= end, !isClosed { advanceToWake() }
        now = end
    }

    func pauseReading() {}
    func resumeReading() {}
    func requestFlush() { wantsFlush = true }
    func wake(at time: MonotonicTime) { wakeTime = wakeTime.map { min($0, time) } ?? time }
    func closeWhenFlushed() { isClosing = true }
    func close() { isClosed = true }
}
