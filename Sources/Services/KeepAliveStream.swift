import HTTP
import MVCC
import Net
import Raft
import Store
import Wire

/// One LeaseKeepAlive stream: every request is answered in order with the lease's full TTL, or 0 when
/// there is no such lease.
///
/// A request may have to wait, and then everything behind it waits too:
/// - the lease is past its expiry and its revoke is in the log's hands: answered with 0 once it is gone;
/// - the lease carries a checkpointed rest: a checkpoint of 0 is proposed and applied first;
/// - another member leads: it is asked, one request at a time.
/// The clock tick looks again. The queue is bounded; a client that sends more without reading is ended.
final class KeepAliveStream: GRPCHandler {
    static let waitingMax = 4096

    private unowned let services: LoopServices
    private let call: GRPCCall
    private var watchdog: LeaderWatchdog?
    private var waiting: [Request] = []
    /// The reset of the front request's lease was proposed.
    private var isResetProposed = false
    private var isHalfClosed = false
    /// The leader was asked for the front request.
    private var isAsking = false

    private struct Request {
        var lease: Int64
        /// Of the header: the store's when the request came, so that it never passes the renewal's.
        var revision: Int64
        var deadline: MonotonicTime
    }

    init(_ services: LoopServices, _ call: GRPCCall, requiresLeader: Bool) {
        self.services = services
        self.call = call
        watchdog = requiresLeader ? LeaderWatchdog(now: services.now) : nil
        services.streams.keepAlives[call.id] = self
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        services.counters.received[Method.leaseKeepAlive.rawValue] += 1
        services.counters.receivedBytes += UInt64(bytes.byteCount)
        guard let request = try? TwoNumbers(decoding: bytes) else {
            services.counters.keepAliveStreamFailures += 1
            return end(.malformedStreamMessage)
        }
        guard waiting.count < Self.waitingMax else { return end(.tooManyRequests) }
        waiting.append(
            Request(
                lease: request.first, revision: services.context.keyspace.currentRevision,
                deadline: services.now + services.limits.requestTimeout))
        answerWaiting()
    }

    func halfClosed(_ call: GRPCCall) {
        isHalfClosed = true
        answerWaiting()
    }

    func cancelled(_ call: GRPCCall) {
        services.streams.keepAlives[call.id] = nil
        services.cancelled(call, .leaseKeepAlive)
    }

    func drained(_ call: GRPCCall) {}

    /// Called at every tick.
    func tick() {
        if watchdog?.isLeaderless(services.engine.status, at: services.now, services.limits) == true {
            return end(.noLeader)
        }
        answerWaiting()
        if let front = waiting.first, front.deadline <= services.now {
            end(services.timeoutStatus())
        }
    }

    func end(_ status: GRPCStatus) {
        services.streams.keepAlives[call.id] = nil
        services.finish(call, .leaseKeepAlive, status)
    }

    private func answerWaiting() {
        var answered = 0
        while answered < waiting.count, !isAsking {
            let request = waiting[answered]
            if services.context.auth.isEnabled {
                // Until this member knows the token; the next tick looks again.
                if services.isTokenAhead(of: call) { break }
                if let refusal = services.refusalOfKeepingAlive(call, lease: request.lease) {
                    return end(refusal)
                }
            }
            guard let ttl = renew(request.lease) else { break }
            answered += 1
            answer(request, ttl: ttl)
        }
        waiting.removeFirst(answered)
        if isHalfClosed, waiting.isEmpty { end(.ok) }
    }

    private func answer(_ request: Request, ttl: Int64) {
        isResetProposed = false
        var message = services.responses.begin(revision: request.revision)
        message.appendField(2, request.lease)
        message.appendField(3, ttl)
        services.send(call, .leaseKeepAlive, message)
    }

    /// The leader's answer to the front request, which was forwarded to it.
    func leaderAnswered(_ answer: LeaderAnswer) {
        isAsking = false
        guard call.isOpen, !waiting.isEmpty else { return }
        switch answer {
        case .renewed(let ttl): self.answer(waiting.removeFirst(), ttl: ttl)
        case .failed(.leaseNotFound): self.answer(waiting.removeFirst(), ttl: 0)
        case .failed(.timedOut):
            return end(services.engine.status.leader == nil ? .noLeader : .requestTimedOut)
        case .failed(let failure): return end(GRPCStatus(leader: failure))
        case .timeToLive, .members: preconditionFailure("no answer to a renewal: \(answer)")
        }
        answerWaiting()
    }

    /// The TTL to answer; nil when the answer has to wait.
    private func renew(_ lease: Int64) -> Int64? {
        switch services.context.lessor.renew(id: lease, at: services.leaseTime) {
        case .renewed(let ttl):
            services.counters.leasesRenewed += 1
            return ttl
        case .notFound: return 0
        case .expired: return nil
        case .notPrimary:
            // Elected, and its first entry not applied yet: it will be primary in a moment.
            if services.engine.status.leader == services.context.member { return nil }
            isAsking = true
            services.askLeader(.keepAlive(lease: lease), .keepAlive(self))
            return nil
        case .needsCheckpointReset:
            if !isResetProposed {
                isResetProposed = true
                services.proposeCheckpoints([(lease, 0)])
            }
            return nil
        }
    }
}

/// Watches the leader for a stream that came with `hasleader`: three election timeouts in a row without
/// one end the stream (api.md 2.2).
struct LeaderWatchdog {
    private static let periodsMax = 3
    private var leaderSeen: MonotonicTime

    init(now: MonotonicTime) { leaderSeen = now }

    mutating func isLeaderless(
        _ status: EngineStatus, at now: MonotonicTime, _ limits: ServicesLimits
    ) -> Bool {
        if status.leader != nil { leaderSeen = now }
        return now - leaderSeen >= limits.electionTimeout * Self.periodsMax
    }
}
