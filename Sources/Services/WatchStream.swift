import EtcdAPI
import HTTP
import MVCC
import Net
import Store
import Wire

/// One Watch stream: many watchers, told apart by the ids the client knows (api.md 13).
///
/// Everything the stream says leaves through one ordered queue, so the order of events, answers and
/// progress is the order in which they are sent here:
/// 1. `created` is sent before the hub can deliver anything to the watcher.
/// 2. After `canceled` the watcher is gone from the hub: no event with its id can follow.
/// 3. A progress answer with revision R follows every event up to R, because the hub has delivered them.
///
/// A client that reads too slowly has at most `queuedBytesMax` waiting; the hub then only keeps its
/// watchers' places in the log, until `drained`.
final class WatchStream: GRPCHandler {
    /// More than `HTTPLimits.lowWaterBytes`, below which `drained` is told.
    static let queuedBytesMax = 256 * 1024
    /// Answers to requests of a client that does not read them; beyond it the stream ends.
    static let answersBytesMax = 8 * 1024 * 1024

    private struct Watching {
        var watcher: WatcherID
        var notifiesProgress: Bool
        var mayFragment: Bool
    }

    private unowned let services: LoopServices
    private let call: GRPCCall
    private var watchdog: LeaderWatchdog?
    private var watching: [Int64: Watching] = [:]
    /// The id to try next for a watcher without one; never goes back.
    private var nextID: Int64 = 0
    /// Watchers the hub could not deliver to.
    private var blocked: [WatcherID] = []
    private var held = HeldRequests()
    private let progressInterval: Duration
    private var progressDue: MonotonicTime

    init(_ services: LoopServices, _ call: GRPCCall, requiresLeader: Bool) {
        self.services = services
        self.call = call
        watchdog = requiresLeader ? LeaderWatchdog(now: services.now) : nil
        let interval = max(services.limits.progressInterval, .milliseconds(100))
        // Up to a tenth more, fixed per stream, so that streams opened together do not speak together.
        progressInterval = interval + .nanoseconds(Int64.random(in: 0...interval.saturatedNanoseconds / 10))
        progressDue = services.now + progressInterval
        services.streams.watches[call.id] = self
        call.begin()
    }

    // From the client.

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        services.counters.received[Method.watch.rawValue] += 1
        services.counters.receivedBytes += UInt64(bytes.byteCount)
        if services.context.auth.isEnabled, !held.isEmpty || services.isTokenAhead(of: call) {
            let deadline = services.now + services.limits.requestTimeout
            if !held.hold(bytes.copied(), until: deadline) { end(GRPCStatus(.resourceExhausted)) }
            return
        }
        take(bytes)
    }

    private func take(_ bytes: borrowing RawSpan) {
        guard let message = try? WatchMessage(decoding: bytes) else {
            services.counters.watchStreamFailures += 1
            return end(.malformedStreamMessage)
        }
        guard call.queuedBytes < Self.answersBytesMax else { return end(GRPCStatus(.resourceExhausted)) }
        switch message {
        case .create(let creation): create(creation)
        case .cancel(let id): cancel(id)
        case .progress: reportProgress()
        case .unknown: break
        }
    }

    /// Existing watchers go on until the client resets the stream.
    func halfClosed(_ call: GRPCCall) {}

    func cancelled(_ call: GRPCCall) {
        forgetWatchers()
        services.cancelled(call, .watch)
    }

    func drained(_ call: GRPCCall) {
        for watcher in blocked { services.hub.resume(watcher) }
        blocked.removeAll(keepingCapacity: true)
        services.hubHasWork = true
    }

    private func create(_ creation: WatchCreation) {
        if let reason = refusal(of: creation) {
            var answer = response(revision: services.context.keyspace.currentRevision, id: -1)
            answer.appendField(WatchResponse.Field.created, true)
            answer.appendField(WatchResponse.Field.canceled, true)
            answer.appendField(WatchResponse.Field.cancelReason, Array(reason.utf8))
            return services.send(call, .watch, answer)
        }
        let id = creation.watchID == 0 ? drawID() : creation.watchID
        let (watcher, current) = services.hub.create(creation.options)
        watching[id] = Watching(
            watcher: watcher, notifiesProgress: creation.notifiesProgress, mayFragment: creation.mayFragment)
        unsafe services.router[watcher] = .stream(.passUnretained(self), id: id)
        services.hubHasWork = true
        var answer = response(revision: current, id: id)
        answer.appendField(WatchResponse.Field.created, true)
        services.send(call, .watch, answer)
    }

    private func refusal(of creation: WatchCreation) -> String? {
        if creation.startRevision < 0 { return GRPCStatus(.compacted).message }
        if services.context.auth.isEnabled,
            let refusal = services.refusalOfWatching(call, creation.key, creation.rangeEnd)
        {
            return refusal.asGoError
        }
        if creation.isEmptyRange { return "mvcc: watcher range is empty" }
        if creation.watchID != 0, watching[creation.watchID] != nil {
            return "mvcc: duplicate watch ID provided on the WatchStream"
        }
        return nil
    }

    private func drawID() -> Int64 {
        while watching[nextID] != nil { nextID += 1 }
        defer { nextID += 1 }
        return nextID
    }

    private func cancel(_ id: Int64) {
        guard let watched = watching.removeValue(forKey: id) else { return }
        services.hub.cancel(watched.watcher)
        services.router[watched.watcher] = nil
        var answer = response(revision: services.context.keyspace.currentRevision, id: id)
        answer.appendField(WatchResponse.Field.canceled, true)
        services.send(call, .watch, answer)
    }

    private func reportProgress() {
        // So that the answer is as new as what the client may have read meanwhile.
        services.advanceHub()
        guard let revision = services.hub.progressRevision(watching.values.map(\.watcher)) else { return }
        services.send(call, .watch, response(revision: revision, id: -1))
    }

    // From the hub.

    /// False when the client has to read first. `services` are the stream's own, which counts no reference.
    func deliver(
        _ watcher: WatcherID, id: Int64, revision: Int64, events: WatchEvents, _ services: LoopServices
    ) -> Bool {
        guard call.queuedBytes < Self.queuedBytesMax else {
            blocked.append(watcher)
            return false
        }
        services.counters.events += UInt64(events.count)
        if events.count > 1, watching[id]?.mayFragment == true {
            let head = response(revision: revision, id: id)
            if head.count + events.byteCount >= services.limits.fragmentBytes {
                sendFragments(head: head, events)
                return true
            }
        }
        let message = services.lastEvents.message(services.responses, id: id, revision: revision, events)
        services.send(call, .watch, message)
        return true
    }

    /// Splits a response greedily into parts below the limit, of at least one event each; all but the
    /// last say that more follows.
    private func sendFragments(head: [UInt8], _ events: WatchEvents) {
        let room = services.limits.fragmentBytes - head.count - 2
        let ends = events.ends
        let bytes = events.bytes
        var start = 0
        var next = 0
        while next < ends.count {
            var end = ends[next]
            next += 1
            while next < ends.count, ends[next] - start < room {
                end = ends[next]
                next += 1
            }
            var part = head
            part.appendField(WatchResponse.Field.fragment, next < ends.count)
            part += bytes[start..<end]
            services.send(call, .watch, part)
            start = end
        }
    }

    /// What the watcher should see next is gone; the header of this answer has no revision.
    func compacted(id: Int64, compactRevision: Int64) {
        watching[id] = nil
        var answer = response(revision: 0, id: id)
        answer.appendField(WatchResponse.Field.canceled, true)
        answer.appendField(WatchResponse.Field.compactRevision, compactRevision)
        services.send(call, .watch, answer)
    }

    /// Bytes waiting for the client.
    var queuedBytes: Int { call.queuedBytes }

    // From the clock and the server.

    /// `services` are the stream's own, which counts no reference.
    func tick(_ services: LoopServices) {
        if watchdog?.isLeaderless(services.engine.status, at: services.now, services.limits) == true {
            return end(.noLeader)
        }
        if !held.isEmpty, !services.isTokenAhead(of: call) || held.isOverdue(at: services.now) {
            // Each span lives as long as its request.
            for request in held.takeAll() where call.isOpen { unsafe take(request.span.bytes) }
        }
        guard services.now >= progressDue else { return }
        progressDue = services.now.next(after: progressDue, every: progressInterval)
        for (id, watched) in watching where watched.notifiesProgress {
            if let revision = services.hub.idleRevision(watched.watcher) {
                services.send(call, .watch, response(revision: revision, id: id))
            }
        }
    }

    func end(_ status: GRPCStatus) {
        forgetWatchers()
        services.finish(call, .watch, status)
    }

    private func forgetWatchers() {
        for watched in watching.values {
            services.hub.cancel(watched.watcher)
            services.router[watched.watcher] = nil
        }
        watching.removeAll()
        services.streams.watches[call.id] = nil
    }

    private func response(revision: Int64, id: Int64) -> [UInt8] {
        var bytes = services.responses.begin(revision: revision)
        bytes.appendField(WatchResponse.Field.watchID, id)
        return bytes
    }
}
