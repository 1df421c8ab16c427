import Net

/// What time does to a connection: keepalive, deadlines, readers that stall.
///
/// Deadlines have no timers of their own. The connection has one wake-up at the earliest of them; when
/// it comes, the streams are walked and the next one is found. A call that is answered in time costs one
/// comparison.
extension HTTP2Session {
    /// Walks of the streams are at least this far apart, whatever deadlines are asked for.
    private static let tickInterval: Duration = .milliseconds(5)

    private static let keepalivePing: UInt8 = 1

    final func tick() {
        guard let host else { return }
        let now = host.now
        var next: MonotonicTime
        switch keepalive.due(now, limits) {
        case .close: return host.close()
        case .ping(let answerBy):
            submitPing(Self.keepalivePing)
            host.requestFlush()
            next = answerBy
        case .wait(let until): next = until
        }
        for stream in streams {
            if let again = review(stream, now) { next = min(next, again) }
        }
        host.wake(at: max(next, now + Self.tickInterval))
    }
}
