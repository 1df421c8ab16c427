import CNgHTTP2
import Net

/// What time does to a connection: keepalive, deadlines, readers that stall.
///
/// Deadlines have no timers of their own. The connection has one wake-up at the earliest of them; when
/// it comes, the calls are walked and the next one is found. A call that is answered in time costs one
/// comparison.
extension HTTP2Session {
    /// Walks of the calls are at least this far apart, whatever deadlines a client invents.
    private static let tickInterval: Duration = .milliseconds(5)

    func tick() {
        guard let host else { return }
        let now = host.now
        var next: MonotonicTime
        switch keepalive.due(now, configuration.limits) {
        case .close: return host.close()
        case .ping(let answerBy):
            submitPing()
            host.requestFlush()
            next = answerBy
        case .wait(let until): next = until
        }
        for call in calls {
            if let deadline = expire(call, now) { next = min(next, deadline) }
            if let deadline = cutOff(call, now) { next = min(next, deadline) }
        }
        host.wake(at: max(next, now + Self.tickInterval))
    }

    /// Ends a call whose client has stopped waiting; otherwise answers when that will be.
    private func expire(_ call: GRPCCall, _ now: MonotonicTime) -> MonotonicTime? {
        guard call.isOpen, let deadline = call.deadline else { return nil }
        if now < deadline { return deadline }
        unsentBytes -= call.outbound.heldBytes
        call.outbound.removeAll()
        abort(call, .deadlineExceeded)
        return nil
    }

    /// Resets a stream whose client takes nothing of a message source, which holds pages of the
    /// database; otherwise answers when that will be.
    private func cutOff(_ call: GRPCCall, _ now: MonotonicTime) -> MonotonicTime? {
        guard call.outbound.sourceCount > 0 else { return nil }
        let deadline = call.lastProgress + configuration.limits.stallTimeout
        if now < deadline { return deadline }
        reset(call.streamID, NGHTTP2_CANCEL)  // the stream's close releases the source and tells
        return nil
    }
}
