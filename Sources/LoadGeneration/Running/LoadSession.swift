import EtcdAPI
import EtcdClient
import HTTP
import Net
import SwiftProtobuf
import TLS

/// The loop of a benchmark and what it runs on it, one thing after the other.
package final class LoadSession {
    package let loop: EventLoop
    private let connector: Connector
    private let configuration = GRPCClientConfiguration(limits: GRPCClientConfiguration.limits)
    private var run: LoadRun?
    private var isOver = false

    package init() throws(NetError) {
        loop = try EventLoop(doorbell: try Doorbell())
        EventLoop.sleepPrecisely()
        connector = Connector(loop: loop, budget: ConnectionBudget(limit: 1 << 20))
        loop.atEndOfPass { [unowned self] in run?.pump() }
    }

    /// Channels that dial when first asked; the i-th begins with the i-th endpoint, in turn. `security`
    /// is what those need that speak TLS.
    package func channels(
        _ endpoints: [Endpoint], count: Int, security: TLSContext? = nil, dialTimeout: Duration
    ) -> [Channel] {
        (0..<count).map {
            Channel(
                endpoints, first: $0, connector: connector, loop: loop, configuration: configuration,
                security: security, dialTimeout: dialTimeout)
        }
    }

    /// Runs a load to its end; `pids` are the server's processes. `tick` is called every tenth of a second,
    /// and at the end.
    package func run(
        _ workload: any Workload, _ plan: LoadPlan, over channels: [Channel], pids: [Int32] = [],
        tick: @escaping (LoadRun) -> Void = { _ in }
    ) -> LoadResult {
        let run = LoadRun(loop: loop, channels: channels, workload: workload, plan: plan)
        let meter = ServerMeter(pids)
        self.run = run
        runLoop {
            run.start { self.stop() }
        } tick: {
            tick(run)
            if Interruption.hasCome { run.interrupt() }
        }
        tick(run)
        self.run = nil
        var result = run.result
        result.server = meter?.use()
        return result
    }

    /// Runs the loop until `stop`, which `begin`'s work calls; `tick` is called every tenth of a second.
    package func runLoop(_ begin: () -> Void, tick: @escaping () -> Void = {}) {
        let ticking = Ticking(loop: loop, tick)
        isOver = false
        begin()
        if !isOver { loop.run() }
        ticking.stop()
    }

    /// Ends `runLoop`.
    package func stop() {
        isOver = true
        loop.stop()
    }

    /// One request outside any load, waited for.
    package func ask<Request: Message, Response: Message>(
        _ channel: Channel, _ method: EtcdClient.Method, _ request: Request
    ) throws -> Response {
        let waiter = OneAnswer { [unowned self] in stop() }
        let bytes: [UInt8] = try request.serializedBytes()
        runLoop {
            _ = channel.ask(method, bytes, deadline: .now() + .seconds(30), waiter)
        }
        if waiter.status.code != .ok { throw waiter.status }
        return try Response(serializedBytes: waiter.message)
    }
}

/// Calls an action every tenth of a second until stopped.
private final class Ticking {
    private let loop: EventLoop
    private let action: () -> Void
    private var timer: Timer?

    init(loop: EventLoop, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
        schedule()
    }

    private func schedule() {
        timer = loop.schedule(at: .now() + .milliseconds(100)) { [weak self] in
            self?.action()
            self?.schedule()
        }
    }

    func stop() {
        if let timer { loop.cancel(timer) }
    }
}

/// Keeps the answer of one call.
private final class OneAnswer: GRPCResponseHandler {
    private let whenEnded: () -> Void
    private(set) var message: [UInt8] = []
    private(set) var status = GRPCStatus.ok

    init(_ whenEnded: @escaping () -> Void) { self.whenEnded = whenEnded }

    func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        // The buffer does not leave the closure; Array copies it.
        message = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }

    func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        self.status = status
        whenEnded()
    }
}
