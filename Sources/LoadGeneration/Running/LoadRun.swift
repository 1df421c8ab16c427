import EtcdClient
import HTTP
import Net

/// One load on one event loop: clients that each ask one operation at a time over the channels they share.
///
///     warming ──warm-up over──▶ counting ──total, duration or stop──▶ draining ──last answer──▶ over
///
/// Invariant: `busy` is the number of clients with an operation in flight; `free` holds the others that wait
/// for the pace.
package final class LoadRun: GRPCResponseHandler {
    private struct Client {
        let channel: Channel
        /// When its operation began, or should have.
        var began: Int64 = 0
        var request: [UInt8] = []
        var following = Following.nothing
        /// Its operation has failed, and what runs cleans up.
        var isCleaning = false
    }

    private enum Following { case nothing, open, satisfied }

    private enum Phase { case warming, counting, draining, over }

    private let loop: EventLoop
    private let workload: any Workload
    private let plan: LoadPlan
    private var clients: [Client]
    private var free: [Int] = []
    private var busy = 0
    private var phase = Phase.warming
    /// Operations begun in this phase, which is what the pace and the total count.
    private var begun = 0
    private var phaseBegan: Int64 = 0
    private var countingBegan: Int64 = 0
    private var cpuBegan = 0.0
    private var pacer: Timer?
    /// Ends the warm-up, then the counting.
    private var phaseEnd: Timer?
    private var patience: Timer?
    private var whenOver: (() -> Void)?
    package private(set) var result: LoadResult
    /// Operations that have ended since counting began.
    package private(set) var ended = 0

    /// Closer to its time than this the loop does not sleep: its timers know only whole milliseconds.
    private static let spinNanoseconds: Int64 = 1_500_000
    /// How long answers are waited for after the end of the duration, or an interruption.
    private static let grace: Duration = .seconds(10)

    /// `channels` are given to the clients in turn.
    package init(loop: EventLoop, channels: [Channel], workload: any Workload, plan: LoadPlan) {
        precondition(!channels.isEmpty && plan.clients > 0, "someone asks someone")
        precondition(plan.total != nil || plan.duration != nil, "a run ends")
        self.loop = loop
        self.workload = workload
        self.plan = plan
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
        if let time = plan.duration {
            phaseEnd = loop.schedule(at: .now() + time) { [self] in drain() }
        }
        pump()
    }

    /// Begins nothing more, because the program was told to end.
    package func interrupt() {
        result.isInterrupted = true
        drain()
    }

    /// Begins nothing more. What runs is waited for, but not for ever.
    package func drain() {
        awaitLast()
        guard phase == .draining, patience == nil else { return }
        patience = loop.schedule(at: .now() + Self.grace) { [self] in giveUp() }
    }

    /// Everything that was to be asked is: what runs is waited for.
    private func awaitLast() {
        guard phase == .warming || phase == .counting else { return }
        phase = .draining
        if busy == 0 { finish() }
    }

    private func giveUp() {
        if phase == .over { return }
        result.errors[GRPCStatus(.deadlineExceeded, "no answer within 10 s after the end"), default: 0] +=
            busy
        finish()
    }

    private func finish() {
        phase = .over
        if let pacer { loop.cancel(pacer) }
        if let phaseEnd { loop.cancel(phaseEnd) }
        if let patience { loop.cancel(patience) }
        if countingBegan > 0 {
            result.elapsed = Double(MonotonicTime.now().nanoseconds - countingBegan) / 1e9
            result.ownCPU = ProcessFigures.ownCPU() - cpuBegan
        }
        result.timeline.close()
        whenOver?()
        whenOver = nil
    }

    private var isDone: Bool { phase == .counting && begun >= plan.total ?? .max }

    /// Gives free clients the operations whose time has come. Called at the end of every pass.
    package func pump() {
        guard phase == .warming || phase == .counting else { return }
        while !free.isEmpty, !isDone {
            let now = MonotonicTime.now().nanoseconds
            let due = dueTime(now)
            if due > now { return rest(until: due, now) }
            begin(free.removeLast(), at: due)
        }
        if isDone { awaitLast() }
    }

    /// When the next operation should begin: with a pace, perhaps long ago.
    private func dueTime(_ now: Int64) -> Int64 {
        if let times = plan.times { return phaseBegan + times[min(begun, times.count - 1)] }
        guard let rate = plan.rate else { return now }
        return phaseBegan + Int64(Double(begun) / rate * 1e9)
    }

    private func rest(until due: Int64, _ now: Int64) {
        if due - now < Self.spinNanoseconds { return loop.doorbell.ring() }
        if let pacer { loop.cancel(pacer) }
        let time = MonotonicTime(nanoseconds: due - Self.spinNanoseconds / 2)
        pacer = loop.schedule(at: time) {}  // the end of that pass calls `pump`
    }

    private func begin(_ client: Int, at time: Int64) {
        begun += 1
        busy += 1
        clients[client].began = time
        clients[client].request.removeAll(keepingCapacity: true)
        ask(workload.begin(client, &clients[client].request), client)
    }

    private func ask(_ method: EtcdClient.Method, _ client: Int) {
        record(method, client)
        clients[client].channel.ask(method, clients[client].request, tag: client, self)
    }

    private func follow(_ method: EtcdClient.Method, _ client: Int) {
        record(method, client)
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
        let now = MonotonicTime.now().nanoseconds
        let isFine = status.code == .ok || clients[client].following == .satisfied
        clients[client].following = .nothing
        clients[client].request.removeAll(keepingCapacity: true)
        if clients[client].isCleaning {
            clients[client].isCleaning = false
        } else if isFine {
            switch workload.proceed(client, &clients[client].request) {
            case .ask(let method): return ask(method, client)
            case .follow(let method): return follow(method, client)
            case .done(let kind): count(client, kind, now)
            }
        } else {
            countFailure(client, status)
            if let method = workload.failed(client, &clients[client].request) {
                clients[client].isCleaning = true
                return ask(method, client)
            }
        }
        busy -= 1
        continueWith(client, now)
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
        } else if plan.rate == nil, plan.times == nil, !isDone {
            begin(client, at: now)
        } else {
            free.append(client)
            if isDone { awaitLast() }
        }
    }
}
