import HTTP
import MVCC
import Net
import Raft
import Services
import Store

extension Workload {
    /// A call from the bytes of its request to those of its answer: HTTP/2, the services of one event loop,
    /// the state machine. No log, no socket, no other thread; one call at a time.
    static var turnaround: [Workload] {
        [
            Workload("http2.put") { try CallOperation("Put", Sample.put) },
            Workload("http2.txn") { try CallOperation("Txn", Sample.txn) },
            Workload("http2.range.1") { try CallOperation("Range", Sample.range(keys: 1), answers: 1) },
            Workload("http2.range.1000", operations: 100) {
                try CallOperation("Range", Sample.range(keys: 1000), answers: 1000)
            },
        ]
    }
}

/// Calls of one method of KV on one connection.
private final class CallOperation: Operation, SessionHost {
    private static let stored = 10_000
    private static let outputBytes = 256 << 10
    /// The client opens the connection's window again by so much at a time.
    private static let windowStep = 1 << 20

    private let store: LocalStore
    private let engine = DirectEngine()
    private let services: LoopServices
    private var session: HTTP2ServerSession?
    private var frames: RequestFrames
    /// Pairs an answer lists.
    private let pairs: Int
    private var number = 0
    private var waiting = DirectEngine.Waiting()
    private var output = [UInt8](repeating: 0, count: outputBytes)
    private let windowUpdate = RequestFrames.windowUpdate(UInt32(windowStep))
    private var answered = 0

    init(_ method: String, _ request: [UInt8], answers pairs: Int = 0) throws {
        store = try LocalStore(keys: Self.stored)
        self.pairs = pairs
        frames = RequestFrames(path: "/etcdserverpb.KV/\(method)", message: request)
        services = LoopServices(
            context: ServicesContext(
                member: LocalStore.member, clusterID: LocalStore.clusterID, version: "3.6.0",
                limits: ServicesLimits(), engine: engine, keyspace: store.keyspace, lessor: store.lessor,
                membership: store.membership, alarms: store.alarms, auth: store.auth,
                metrics: CallMetrics(loops: 1), boot: store.boot, clock: { Self.now }),
            index: 0, reader: store.keyspace.makeReader())
        let configuration = HTTPConfiguration(
            routes: GRPCRoutes(LoopServices.paths), metadataKeys: LoopServices.metadataKeys)
        session = HTTP2ServerSession(
            configuration: configuration,
            application: services, host: self)
        unsafe frames.opening.withUnsafeBytes { unsafe session?.receive($0) }
        try answer()
    }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            // A range of many has an end, which stays where it is.
            if pairs < 2 { number = (number + 1) % Self.stored }
            unsafe frames.next(number) { unsafe session?.receive($0) }
            try answer()
        }
    }

    func settle() throws { try store.settle() }

    /// What the event loop, the replica and the apply thread do until the answer is written.
    private func answer() throws {
        let before = store.keyspace.currentRevision
        services.endOfPass()
        waiting.entries.removeAll(keepingCapacity: true)
        waiting.tokens.removeAll(keepingCapacity: true)
        engine.take(into: &waiting)
        if !waiting.entries.isEmpty {
            try store.apply(&waiting.entries)
            services.replies(store.results.replies)
            services.visible(store.keyspace.currentRevision)
        }
        if !waiting.tokens.isEmpty { services.readable(waiting.tokens) }
        services.endOfPass()
        let written = flush()
        precondition(written > pairs * Sample.value.count, "the answer is written")
        precondition(pairs > 0 || store.keyspace.currentRevision == before + 1, "the write is done")
    }

    private func flush() -> Int {
        var written = 0
        while true {
            let count = unsafe output.withUnsafeMutableBytes { unsafe session?.produce(into: $0) ?? 0 }
            if count == 0 { break }
            written += count
        }
        answered += written
        if answered >= Self.windowStep {
            answered -= Self.windowStep
            unsafe windowUpdate.withUnsafeBytes { unsafe session?.receive($0) }
        }
        return written
    }

    // The connection the session believes to be on; time stands still.

    private static let now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    var now: MonotonicTime { Self.now }
    let peerDescription = "127.0.0.1:1"
    func requestFlush() {}
    func wake(at time: MonotonicTime) {}
    func closeWhenFlushed() {}
    func close() { preconditionFailure("the session gave the connection up") }
    func pauseReading() {}
    func resumeReading() {}
}
