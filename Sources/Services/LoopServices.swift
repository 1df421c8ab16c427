import EtcdAPI
import HTTP
import MVCC
import Net
import Raft
import Store

/// The gRPC services of one event loop.
///
/// A call's whole life happens on its loop: decoding, checking, waiting and answering. What needs the
/// log goes to the `Engine` under a fresh id, whose low four bits bring the answer back to this loop;
/// the waiter stands in `waiters` until the answer, its timeout, or shutdown. Reads gather in `reads`
/// until the end of the pass, so that one ReadIndex serves them all.
///
/// Entry points besides the calls themselves are listed at `Engine`.
package final class LoopServices: GRPCApplication {
    let context: ServicesContext
    /// Which of the loops this is; loop 0 also drives lease expiry.
    let index: Int
    let reader: KeyspaceReader
    var router = WatchRouter()
    let hub: WatchHub
    /// The hub has to be advanced at the end of this pass.
    var hubHasWork = false
    var responses: ResponseWriter
    var lastEvents = LastEvents()

    /// For `GRPCRoutes`: the place of a path is the raw value of its method.
    package static var paths: [String] { Method.allCases.map(\.path) }
    /// For `HTTPConfiguration.metadataKeys`: what the services look at.
    package static var metadataKeys: [StaticString] {
        ["hasleader", "client-api-version", "token", "authorization"]
    }

    private var unary: UnaryHandlers?
    private var ids: RequestIDs

    var waiters = Waiters<Waiter>()
    var reads = ReadRounds()
    var passwords = Waiters<PasswordWaiter>()
    /// Maintenance work on the worker; without timeout, a defragmentation may take minutes.
    var operations: [UInt64: (call: GRPCCall, method: Method)] = [:]
    var streams = OpenStreams()
    /// Requests under way to the leader.
    var leaderWaiters: [UInt64: LeaderWaiter] = [:]
    var concurrencyCalls = InnerCalls()
    var compactions = PhysicalCompactions()
    var periodic: PeriodicWork
    var counters = CallCounters()
    /// When the open calls began, where somebody observes it.
    private var begun: [UInt64: MonotonicTime] = [:]
    var now: MonotonicTime
    private(set) var isStopping = false

    /// `reader` belongs to this loop's thread.
    package init(context: ServicesContext, index: Int, reader: KeyspaceReader) {
        self.context = context
        self.index = index
        self.reader = reader
        hub = WatchHub(reader: reader, number: index)
        responses = ResponseWriter(clusterID: context.clusterID, memberID: context.member.rawValue)
        ids = context.boot.ids(loop: index)
        now = context.clock()
        periodic = PeriodicWork(drivesExpiry: index == 0, now: now)
        unary = UnaryHandlers(services: self)
    }

    var engine: any Engine { context.engine }
    var limits: ServicesLimits { context.limits }

    func drawID() -> UInt64 { ids.draw() }

    // Calls.

    package func opened(_ call: GRPCCall) {
        guard let method = call.route.flatMap(Method.init(rawValue:)) else {
            return call.finish(call.unknownMethodStatus)
        }
        open(call, method)
    }

    private func open(_ call: GRPCCall, _ method: Method) {
        counters.started[method.rawValue] += 1
        if context.observeHandling != nil { begun[call.id] = context.clock() }
        let isStream = method.kind != .unary
        guard counters.clients.count(call.metadata("client-api-version"), isStream: isStream) else {
            return finish(call, method, .invalidClientVersion)
        }
        if isStopping { return finish(call, method, .serverStopped) }
        if context.membership.isLocalLearner, !Self.isForLearners(method) {
            return finish(call, method, .notSupportedForLearner)
        }
        let requiresLeader = Self.requiresLeader(call)
        if requiresLeader, engine.status.leader == nil { return finish(call, method, .noLeader) }
        switch method {
        case .watch: call.handler = WatchStream(self, call, requiresLeader: requiresLeader)
        case .leaseKeepAlive: call.handler = KeepAliveStream(self, call, requiresLeader: requiresLeader)
        default: call.handler = unary?.awaiting[method.rawValue]
        }
    }

    /// What a learner answers (api.md 2.3); of Range only serializable ones.
    private static func isForLearners(_ method: Method) -> Bool {
        method == .status || method == .range || method == .snapshot
    }

    /// The metadata `hasleader: true` (api.md 2.2).
    private static func requiresLeader(_ call: GRPCCall) -> Bool {
        guard let value = call.metadata("hasleader") else { return false }
        return value == [UInt8]("true".utf8)
    }

    /// The one request message of a unary or server-streaming call.
    func received(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        counters.received[method.rawValue] += 1
        counters.receivedBytes += UInt64(bytes.byteCount)
        call.handler = unary?.answering[method.rawValue]
        if context.auth.isEnabled, !isAdmitted(call, method, bytes) { return }
        dispatch(call, method, bytes)
    }

    func dispatch(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        switch method {
        case .put: put(call, bytes)
        case .range: range(call, bytes)
        case .txn: txn(call, bytes)
        case .deleteRange: deleteRange(call, bytes)
        case .rangeStream: rangeStream(call, bytes)
        case .compact: compact(call, bytes)
        case .leaseGrant: leaseGrant(call, bytes)
        case .leaseRevoke: leaseRevoke(call, bytes)
        case .leaseTimeToLive: leaseTimeToLive(call, bytes)
        case .leaseLeases: leaseLeases(call)
        case .memberAdd, .memberRemove, .memberUpdate, .memberList, .memberPromote:
            cluster(call, method, bytes)
        case .alarm, .status, .defragment, .hash, .hashKV, .snapshot, .moveLeader, .downgrade:
            maintenance(call, method, bytes)
        case .lock, .unlock, .campaign, .proclaim, .leader, .observe, .resign:
            concurrency(call, method, bytes)
        case .healthCheck, .healthWatch, .healthList: health(call, method, bytes)
        case .watch, .leaseKeepAlive: preconditionFailure("\(method) has its own handler")
        default: auth(call, method, bytes)
        }
    }

    // Answering.

    /// Sends the only message of a unary call, and OK.
    func respond(_ call: GRPCCall, _ method: Method, _ message: [UInt8]) {
        guard call.isOpen else { return }
        send(call, method, message)
        finish(call, method, .ok)
    }

    /// Sends one message of a stream.
    func send(_ call: GRPCCall, _ method: Method, _ message: consuming [UInt8]) {
        counters.sent[method.rawValue] += 1
        counters.sentBytes += UInt64(message.count)
        call.send(message)
    }

    /// Ends a call; one that is over already (cancelled, deadline passed) stays as it is.
    func finish(_ call: GRPCCall, _ method: Method, _ status: GRPCStatus) {
        guard call.isOpen else { return }
        count(call, method, status.code)
        call.finish(status)
    }

    /// Counts a call that the client or its deadline ended.
    func cancelled(_ call: GRPCCall, _ method: Method) {
        if method == .healthWatch { streams.healthWatches[call.id] = nil }
        let isLate = call.deadline.map { $0 <= context.clock() } ?? false
        let code: GRPCCode = isLate ? .deadlineExceeded : .cancelled
        count(call, method, code)
    }

    private func count(_ call: GRPCCall, _ method: Method, _ code: GRPCCode) {
        counters.handled[method.rawValue * CallCounters.codes + Int(code.rawValue)] += 1
        guard let observe = context.observeHandling, let began = begun.removeValue(forKey: call.id)
        else { return }
        observe(method, context.clock() - began)
    }

    // Stopping.

    /// Refuses new calls from now on; those in flight may still finish.
    package func drain() { isStopping = true }

    /// Nothing is waiting for an answer that the engine still owes.
    package var isDrained: Bool {
        waiters.count == 0 && reads.count == 0 && passwords.count == 0 && operations.isEmpty
            && leaderWaiters.isEmpty
    }

    /// Ends every call that is still open; no more answers will come.
    package func shutdown() {
        isStopping = true
        for waiter in waiters.removeAll() { fail(waiter, .serverStopped) }
        for read in reads.removeAll() { fail(read, .serverStopped) }
        for waiter in passwords.removeAll() { fail(waiter, .serverStopped) }
        for (call, method) in operations.values { finish(call, method, .serverStopped) }
        operations.removeAll()
        endLeaderWaiters(.serverStopped)
        endStreams(.serverStopped)
        publishCounters()
    }
}
