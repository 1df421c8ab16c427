import Net

/// Whether the other side is alive, and whether it asks too often: one connection's PING bookkeeping.
///
/// Source: grpc-go internal/transport/http2_server.go, handlePing and keepalive. A ping is a strike when
/// it comes sooner than it may after the last one: `keepaliveMinTime` while calls are open, two hours
/// while none is. Sending HEADERS or DATA forgives what came before.
struct Keepalive {
    enum Action: Equatable {
        case wait(until: MonotonicTime)
        case ping(answerBy: MonotonicTime)
        case close
    }

    private static let idlePingInterval: Duration = .seconds(7200)

    private var lastPing: MonotonicTime?
    private var strikes = 0
    private var isForgiven = false
    private var lastActivity: MonotonicTime
    private var pinged: MonotonicTime?

    init(now: MonotonicTime) { lastActivity = now }

    mutating func received(_ now: MonotonicTime) { lastActivity = now }

    mutating func sentHeadersOrData() { isForgiven = true }

    /// The other side pinged; true when it did so once too often.
    mutating func receivedPing(_ now: MonotonicTime, hasCalls: Bool, _ limits: HTTPLimits) -> Bool {
        defer { lastPing = now }
        if isForgiven {
            isForgiven = false
            strikes = 0
            return false
        }
        let interval = hasCalls ? limits.keepaliveMinTime : Self.idlePingInterval
        if let lastPing, lastPing + interval > now { strikes += 1 }
        return strikes > limits.pingStrikesMax
    }

    /// What is due now. After `.ping` the ping has been counted as sent.
    mutating func due(_ now: MonotonicTime, _ limits: HTTPLimits) -> Action {
        if let sent = pinged {
            if lastActivity <= sent {
                let answerBy = sent + limits.keepaliveTimeout
                return now >= answerBy ? .close : .wait(until: answerBy)
            }
            pinged = nil
        }
        let next = lastActivity + limits.keepaliveInterval
        if now < next { return .wait(until: next) }
        pinged = now
        return .ping(answerBy: now + limits.keepaliveTimeout)
    }
}
