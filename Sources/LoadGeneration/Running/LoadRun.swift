import EtcdClient
import HTTP
import Net

/// One load on one event loop: clients that each ask one operation at a time over the channels they share.
///
///     warming ──warm-up over──▶ counting ──total, duration or stop──▶ draining ──last answer──▶ over
///
/// In an open loop the end of the duration ends the counting only when all is begun that was due before; what
/// a slow server kept from being begun would else be in no latency.
///
/// Invariant: `busy` is the number of clients with an operation in flight; `free` holds the others that wait
/// for the pace.
package final class LoadRun: GRPCResponseHandler {
    private struct Client {
        let channel: Channel
        /// When its operation began, or should have.
        var began: Int64 = 0
        var isBusy = false
        var request: [UInt8] = []
        var method = EtcdClient.Method.put
        var following = Following.nothing
        /// Its request was refused for its token and is asked a second time.
        var isAskedAgain = false
        /// Its operation has failed, and what runs cleans up.
        var isCleaning = false
    }

    private enum Following { case nothing, open, satisfied }

    private enum Phase { case warming, counting, draining, over }

    private let loop: EventLoop
    private let workload: any Workload
    private let plan: LoadPlan
    private let pace: Pace?
    private var clients: [Client]
    private var free: [Int] = []
    private var busy = 0
    private var phase = Phase.warming
    /// Operations begun in this phase, which is what the pace and the total count.
    private var begun = 0
    /// Operations to be begun while counting.
    private var limit = Int.max
    /// The duration sets the limit, so that the counting goes on until it is over.
    private var isLimitedByTime = false
    private var isTimeUp = false
    /// When the last operation of an open loop was begun.
    private var lastBegan: Int64 = 0
    private var phaseBegan: Int64 = 0
    private var countingBegan: Int64 = 0
    private var cpuBegan = 0.0
    /// Ends the warm-up, then the counting.
    private var phaseEnd: Timer?
    private var patience: Timer?
    private var whenOver: (() -> Void)?
    package private(set) var result: LoadResult
    /// Operations that have ended since counting began.
    package private(set) var ended = 0

    /// So long before an operation's time the loop is to wake up: what it may come too late by.
    private static let wakeUpNanoseconds: Int64 = 30_000
    /// How long answers are waited for after the end of the duration, or an interruption.
    private static let grace: Duration = .seconds(10)

    /// `channels` are given to the clients in turn.
    package init(loop: EventLoop, channels: [Channel], workload: any Workload, plan: LoadPlan) {
        precondition(!channels.isEmpty && plan.clients > 0, "someone asks someone")
        precondition(plan.total != nil || plan.duration != nil, "a run ends")
        self.loop = loop
        self.workload = workload
        self.plan = plan
        pace = Pace(plan)
        clients = (0..<plan.clients).map { Client(channel: channels[$0 % channels.count]) }
        result = LoadResult(
            kinds: workload.kinds.map { LoadResult.Kind(name: $0) },
            timeline: Timeline(unixOffset: ProcessFigures.unixOffset()))
    }

    /// Begins; `whenOver` is called once, on the loop.
    package func start(_ whenOver: @escaping () -> Void) {
        self.whenOver = whenOver
        free = Array((0..<clients.count).reversed())
        if plan.warmUp > .zero {
            phaseBegan = MonotonicTime.now().nanoseconds
            phaseEnd = loop.schedule(at: .now() + plan.warmUp) { [self] in beginCounting() }
            pump()
        } else {
            beginCounting()
        }
    }

    private func beginCounting() {
        guard phase == .warming else { return }
        phase = .counting
        begun = 0
        phaseBegan = MonotonicTime.now().nanoseconds
        countingBegan = phaseBegan
        cpuBegan = ProcessFigures.ownCPU()
        limit = plan.total ?? .max
        if let time = plan.duration {
            phaseEnd = loop.schedule(at: .now() + time) { [self] in timeIsUp() }
            let due = pace?.count(before: time.saturatedNanoseconds) ?? .max
            isLimitedByTime = due <= limit
            limit = min(limit, due)
        }
        pump()
    }

    /// The duration is over; what was due before its end is still begun.
    private func timeIsUp() {
        isTimeUp = true
        if pace == nil || isDone { drain() } else { beginPatience() }
    }

    /// Begins nothing more, because the program was told to end.
    package func interrupt() {
        result.isInterrupted = true
        if phase == .counting, let pace {
            pump()  // what is due and finds a free client was kept from nothing
            let now = MonotonicTime.now().nanoseconds
            leaveUnsent(min(limit, pace.count(before: now - phaseBegan)), now)
        }
        drain()
    }

    /// Begins nothing more. What runs is waited for, but not for ever.
    package func drain() {
        awaitLast()
        beginPatience()
    }

    /// Everything that was to be asked is: what runs is waited for.
    private func awaitLast() {
        guard phase == .warming || phase == .counting else { return }
        phase = .draining
        if busy == 0 { finish() }
    }

    private func beginPatience() {
        guard phase != .over, patience == nil else { return }
        patience = loop.schedule(at: .now() + Self.grace) { [self] in giveUp() }
    }

    private func giveUp() {
        if phase == .over { return }
        if phase == .counting { leaveUnsent(limit, MonotonicTime.now().nanoseconds) }
        let status = GRPCStatus(.deadlineExceeded, "no answer within 10 s after the end")
        for client in clients.indices where clients[client].isBusy && !clients[client].isCleaning {
            countFailure(client, status)
        }
        finish()
    }

    /// Of `due` operations no more will be begun.
    private func leaveUnsent(_ due: Int, _ now: Int64) {
        guard due > begun else { return }
        result.unsent = due - begun
        lastBegan = now
    }

    private func finish() {
        phase = .over
        if let phaseEnd { loop.cancel(phaseEnd) }
        if let patience { loop.cancel(patience) }
        if countingBegan > 0 {
            result.elapsed = Double(MonotonicTime.now().nanoseconds - countingBegan) / 1e9
            result.ownCPU = ProcessFigures.ownCPU() - cpuBegan
            result.pace = measuredPace()
        }
        result.timeline.close()
        whenOver?()
        whenOver = nil
    }

    private func measuredPace() -> LoadResult.Pace? {
        guard let pace, begun > 1 else { return nil }
        return LoadResult.Pace(
            operations: begun, intended: pace.begin(of: begun - 1), actual: lastBegan - countingBegan)
    }

    private var isDone: Bool { phase == .counting && begun >= limit }

    private func endWhenDone() {
        if isDone, !isLimitedByTime || isTimeUp { awaitLast() }
    }

    /// Operations before anything counts.
    package var isWarmingUp: Bool { phase == .warming }

    /// Gives free clients the operations whose time has come. Called at the end of every pass.
    package func pump() {
        guard phase == .warming || phase == .counting else { return }
        while !free.isEmpty, !isDone {
            let now = MonotonicTime.now().nanoseconds
            let due = dueTime(now)
            if due > now { return rest(until: due, now) }
            lastBegan = now
            begin(free.removeLast(), at: due)
        }
        endWhenDone()
    }

    /// When the next operation should begin: with a pace, perhaps long ago.
    private func dueTime(_ now: Int64) -> Int64 {
        if let pace { phaseBegan + pace.begin(of: begun) } else { now }
    }

    private func rest(until due: Int64, _ now: Int64) {
        // The end of the next pass, which begins when anything happens, calls `pump` again.
        if due - now <= Self.wakeUpNanoseconds { return loop.doorbell.ring() }
        loop.beginPass(by: MonotonicTime(nanoseconds: due - Self.wakeUpNanoseconds))
    }

    private func begin(_ client: Int, at time: Int64) {
        begun += 1
        busy += 1
        clients[client].isBusy = true
        clients[client].began = time
        clients[client].isAskedAgain = false
        clients[client].request.removeAll(keepingCapacity: true)
        ask(workload.begin(client, &clients[client].request), client)
    }

    private func ask(_ method: EtcdClient.Method, _ client: Int) {
        record(method, client)
        clients[client].method = method
        clients[client].channel.ask(method, clients[client].request, tag: client, self)
    }

    private func follow(_ method: EtcdClient.Method, _ client: Int) {
        record(method, client)
        clients[client].method = method
        clients[client].following = .open
        clients[client].channel.open(method, tag: client, self).send(clients[client].request)
    }

    private func record(_ method: EtcdClient.Method, _ client: Int) {
        guard let record = plan.record else { return }
        record(MonotonicTime.now().nanoseconds, method, clients[client].request)
    }

    package func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        let client = call.tag
        if clients[client].isCleaning { return }
        workload.answer(client, bytes)
        if clients[client].following == .open, workload.isSatisfied(client) {
            clients[client].following = .satisfied
            call.cancel()
        }
    }

    package func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        if phase == .over { return }
        let client = call.tag
        let isFine = status.code == .ok || clients[client].following == .satisfied
        if !isFine, renewsToken(client, status) { return }
        goOn(client, status, isFine: isFine)
    }

    private func goOn(_ client: Int, _ status: GRPCStatus, isFine: Bool) {
        let now = MonotonicTime.now().nanoseconds
        clients[client].following = .nothing
        clients[client].request.removeAll(keepingCapacity: true)
        if clients[client].isCleaning {
            clients[client].isCleaning = false
        } else if isFine {
            switch workload.proceed(client, &clients[client].request) {
            case .ask(let method): return ask(method, client)
            case .follow(let method): return follow(method, client)
            case .done(let kind): count(client, kind, now)
            case .failed(let status): if fail(client, status) { return }
            }
        } else if fail(client, status) {
            return
        }
        busy -= 1
        clients[client].isBusy = false
        continueWith(client, now)
    }

    /// Asks the client's request again with another token, once, where that is what it failed for.
    private func renewsToken(_ client: Int, _ status: GRPCStatus) -> Bool {
        guard let renewal = plan.renewal, renewal.isCalledFor(by: status),
            !clients[client].isAskedAgain, !clients[client].isCleaning
        else { return false }
        clients[client].isAskedAgain = true
        renewal.renew { [self] isRenewed in
            if phase == .over { return }
            guard isRenewed else { return goOn(client, status, isFine: false) }
            let method = clients[client].method
            if clients[client].following == .open { follow(method, client) } else { ask(method, client) }
        }
        return true
    }

    /// True when something is still asked that cleans up behind it.
    private func fail(_ client: Int, _ status: GRPCStatus) -> Bool {
        countFailure(client, status)
        guard let method = workload.failed(client, &clients[client].request) else { return false }
        clients[client].isCleaning = true
        ask(method, client)
        return true
    }

    private func count(_ client: Int, _ kind: Int, _ now: Int64) {
        let began = clients[client].began
        guard countingBegan > 0, began >= countingBegan else { return }
        ended += 1
        result.kinds[kind].latencies.record(now - began)
        result.timeline.record(now - began, at: now)
    }

    private func countFailure(_ client: Int, _ status: GRPCStatus) {
        guard countingBegan > 0, clients[client].began >= countingBegan else { return }
        ended += 1
        result.errors[status, default: 0] += 1
    }

    private func continueWith(_ client: Int, _ now: Int64) {
        if phase == .draining {
            if busy == 0 { finish() }
        } else if pace == nil, !isDone {
            begin(client, at: now)
        } else {
            free.append(client)
            endWhenDone()
        }
    }
}
