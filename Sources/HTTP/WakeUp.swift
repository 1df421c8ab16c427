import Net

/// The one timer of a connection: the earliest time its session asked to be looked at.
struct WakeUp {
    private var pending: (time: MonotonicTime, timer: Timer)?

    /// Runs `action` at `time`, unless it runs earlier already; `action` first calls `fired`.
    mutating func ask(at time: MonotonicTime, on loop: EventLoop, _ action: @escaping () -> Void) {
        if let pending {
            if pending.time <= time { return }
            loop.cancel(pending.timer)
        }
        pending = (time, loop.schedule(at: time, action))
    }

    mutating func fired() { pending = nil }

    mutating func cancel(on loop: EventLoop) {
        if let pending { loop.cancel(pending.timer) }
        pending = nil
    }
}
