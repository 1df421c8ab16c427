import Backend
import EtcdAPI
import FoundationEssentials
import Glibc
import MVCC
import Net
import Raft
import Store
import SwiftProtobuf
import Synchronization
import Wire

@testable import HTTP
@testable import Services

/// One member without threads and sockets: the services of one loop, a real state machine on a database
/// of its own, and a client that speaks HTTP/2 to them. Time moves when a test says so.
final class TestMember: SessionHost {
    static let id = MemberID(0x8e9e_05c5_2164_694d)
    static let rawID = id.rawValue
    static let clusterID: UInt64 = 0xcdf8_1818_e327_66

    let engine = LocalEngine()
    let services: LoopServices
    let keyspace: Keyspace
    let lessor = Lessor(minimumTTL: 2)
    let membership = Membership(localID: TestMember.id, clusterID: TestMember.clusterID)
    let alarms = Alarms()
    let auth = AuthStore(provider: .simple(SimpleTokens(timeToLive: .seconds(300))))
    let metrics = CallMetrics(loops: 1)
    let client = WireClient()
    private let machine: StateMachine
    private let clock: Mutex<MonotonicTime>.Box
    private let directory: String
    private var session: HTTP2ServerSession?
    private var index: UInt64 = 0
    private var nextStream: UInt32 = 1
    /// Proposals stay where they are while true.
    var isStalled = false
    /// Work with passwords waits while true.
    var holdsPasswords = false

    init(window: UInt32 = 0x7000_0000, _ change: (inout ServicesLimits) -> Void = { _ in }) throws {
        directory = "/tmp/services-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let made = unsafe mkdir(directory, 0o700)
        precondition(made == 0)
        keyspace = try Keyspace(environment: Environment(path: directory + "/db"))
        let boot = RequestIDs.Boot(member: TestMember.id, microseconds: 1)
        machine = StateMachine(
            keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms, auth: auth,
            boot: boot, state: StoredState())
        let clock = Mutex<MonotonicTime>.Box(MonotonicTime(nanoseconds: 1_000_000_000_000))
        self.clock = clock
        var limits = ServicesLimits()
        limits.bcryptCost = 4
        change(&limits)
        services = LoopServices(
            context: ServicesContext(
                member: TestMember.id, clusterID: TestMember.clusterID, version: "3.6.0", limits: limits,
                engine: engine, keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms,
                auth: auth, metrics: metrics, boot: boot, clock: { clock.value.withLock { $0 } }),
            index: 0, reader: keyspace.makeReader())
        try bootstrap()
        let configuration = HTTPConfiguration(
            routes: GRPCRoutes(LoopServices.paths), metadataKeys: LoopServices.metadataKeys)
        session = HTTP2ServerSession(
            configuration: configuration,
            application: services, host: self)
        feed(WireClient.hello(window: window))
        run()
    }

    deinit {
        for name in ["db", "db-lock", "db.lock"] { unsafe unlink(directory + "/" + name) }
        unsafe rmdir(directory)
    }

    private func bootstrap() throws {
        var local = ClusterMember(id: TestMember.id, peerURLs: ["http://127.0.0.1:2380"])
        local.name = "default"
        local.clientURLs = ["http://127.0.0.1:2379"]
        engine.proposeConfigurationChange(0, MembershipProposal(.add(local)))
        engine.state.withLock {
            $0.status.leader = TestMember.id
            $0.status.term = Term(2)
        }
        applyProposals()
        lessor.promote(extending: .seconds(1), at: leaseNow)
    }

    // Time.

    var now: MonotonicTime { clock.value.withLock { $0 } }
    var leaseNow: Duration { .nanoseconds(now.nanoseconds) }

    /// Moves the clock in steps of the server's tick, and lets everything happen.
    func advance(_ duration: Duration) {
        let end = now + duration
        while now < end {
            let next = min(end, now + .milliseconds(50))
            clock.value.withLock { $0 = next }
            services.tick(now: next)
            session?.tick()
            run()
        }
    }

    /// What the quota gate sees.
    func setDatabaseBytes(inUse: Int64) { engine.state.withLock { $0.size.inUse = inUse } }

    func setLeader(_ leader: MemberID?) { engine.state.withLock { $0.status.leader = leader } }

    /// The members that raised NOSPACE.
    var fullMembers: [UInt64] { alarms.list(.noSpace).map(\.member.rawValue) }

    /// Read points asked for and not taken yet, retries included.
    private(set) var askedReads = 0

    /// Drops the proposals that wait, each for its reason.
    func dropProposals(_ reasons: [DropReason]) {
        for (proposal, reason) in zip(engine.take(\.entries), reasons) {
            services.dropped([proposal.id], reason)
        }
        run()
    }

    /// Lets the worker end the one operation it was given.
    func perform(_ body: (MaintenanceOperation) -> MaintenanceResult) {
        for (id, operation) in engine.take(\.operations) { services.performed(id, body(operation)) }
        run()
    }

    /// Applies the entry by which the leader sets the cluster version.
    func setClusterVersion(_ version: String) {
        var request: [UInt8] = []
        request.appendField(1, version)
        var entry: [UInt8] = []
        unsafe entry.appendInternalRaftRequest(.clusterVersionSet, request.span.bytes, id: 1)
        engine.propose(1, entry, isBrief: false)
        run()
    }

    /// Several unary calls that arrive in one pass.
    func sendTogether(_ method: Services.Method, _ requests: [[UInt8]]) -> [UInt32] {
        let streams = requests.map { request in
            let stream = open(method)
            feed(WireClient.message(stream, request, end: true))
            return stream
        }
        run()
        return streams
    }

    var watcherCount: Int { services.hub.count }

    // The member's machinery.

    /// Runs passes until nothing moves any more.
    func run() {
        for _ in 0..<10_000 {
            let hasMore = services.endOfPass()
            var moved = isStalled ? dropReads() : step()
            moved = flush() || moved
            if !hasMore && !moved { return }
        }
        preconditionFailure("it never ends")
    }

    private func step() -> Bool {
        var moved = applyProposals()
        let tokens = engine.take(\.tokens)
        askedReads += tokens.count
        if !tokens.isEmpty {
            services.readable(tokens)
            moved = true
        }
        if !holdsPasswords { moved = doPasswords() || moved }
        return moved
    }

    private func doPasswords() -> Bool {
        let passwords = engine.take(\.passwords)
        for (id, work) in passwords { services.worked(id, work.perform()) }
        return !passwords.isEmpty
    }

    /// Lets the worker do what waits for it.
    func workPasswords() {
        _ = doPasswords()
        run()
    }

    func setApplied(_ index: UInt64) { engine.state.withLock { $0.status.applied = LogIndex(index) } }

    /// A stalled member answers no read; what was asked is counted.
    private func dropReads() -> Bool {
        let tokens = engine.take(\.tokens)
        askedReads += tokens.count
        services.readsDropped(tokens)
        return !tokens.isEmpty
    }

    @discardableResult private func applyProposals() -> Bool {
        let proposals = engine.take(\.entries)
        guard !proposals.isEmpty else { return false }
        let before = keyspace.currentRevision
        var results = ApplyResults()
        let entries = proposals.map { proposal in
            index += 1
            return Entry(
                id: EntryID(term: Term(2), index: LogIndex(index)), kind: proposal.kind, data: proposal.data)
        }
        do { try machine.apply(entries, at: leaseNow, into: &results) } catch {
            preconditionFailure("apply: \(error)")
        }
        engine.state.withLock {
            $0.status.committed = LogIndex(index)
            $0.status.applied = LogIndex(index)
        }
        services.replies(results.replies)
        if keyspace.currentRevision > before { services.visible(keyspace.currentRevision) }
        return true
    }

    private func feed(_ bytes: [UInt8]) { unsafe bytes.withUnsafeBytes { unsafe session?.receive($0) } }

    private func flush() -> Bool {
        var moved = false
        while true {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 256 * 1024) { buffer, initialized in
                count = unsafe session?.produce(into: UnsafeMutableRawBufferPointer(buffer)) ?? 0
                initialized = count
            }
            if count == 0 { return moved }
            moved = true
            client.receive(bytes)
        }
    }

    // The client.

    /// Begins a call.
    func open(_ path: String, _ metadata: [(String, String)] = []) -> UInt32 {
        defer { nextStream += 2 }
        feed(WireClient.headers(nextStream, path: path, metadata))
        return nextStream
    }

    func open(_ method: Services.Method, _ metadata: [(String, String)] = []) -> UInt32 {
        open(method.path, metadata)
    }

    func send(_ stream: UInt32, _ message: some SwiftProtobuf.Message, end: Bool = false) throws {
        send(stream, bytes: try message.serializedBytes(), end: end)
    }

    func send(_ stream: UInt32, bytes: [UInt8], end: Bool = false) {
        // In pieces below the server's window, which it opens again as it reads.
        var rest = WireClient.message(stream, bytes, end: end)[...]
        while !rest.isEmpty {
            feed(Array(rest.prefix(256 * 1024)))
            rest = rest.dropFirst(256 * 1024)
            run()
        }
    }

    func halfClose(_ stream: UInt32) {
        feed(WireClient.halfClose(stream))
        run()
    }

    func reset(_ stream: UInt32) {
        feed(WireClient.reset(stream))
        run()
    }

    func allow(_ stream: UInt32, _ bytes: UInt32) {
        feed(WireClient.windowUpdate(stream, bytes))
        run()
    }

    struct Failure: Error, Equatable {
        var code: Int
        var text: String
    }

    /// A unary call from begin to end; throws the `Failure` it is answered with.
    @discardableResult func call<Response: SwiftProtobuf.Message>(
        _ method: Services.Method, _ request: some SwiftProtobuf.Message,
        as response: Response.Type = Response.self, token: String? = nil
    ) throws -> Response {
        let stream = open(method, token.map { [("token", $0)] } ?? [])
        try send(stream, request, end: true)
        try check(stream)
        return try Response(serializedBytes: client.messages(stream).first ?? [])
    }

    /// How a call ended; nil while it is open.
    func status(_ stream: UInt32) -> Failure? {
        guard let state = client.streams[stream], state.hasEnded else { return nil }
        return Failure(
            code: state.trailers["grpc-status"].flatMap { Int($0) } ?? -1,
            text: state.trailers["grpc-message"] ?? "")
    }

    func check(_ stream: UInt32) throws {
        guard let status = status(stream) else { throw Failure(code: -2, text: "still open") }
        if status.code != 0 { throw status }
    }

    /// The responses of a stream so far.
    func responses<Response: SwiftProtobuf.Message>(
        _ stream: UInt32, _: Response.Type = Response.self
    ) throws -> [Response] {
        try client.messages(stream).map { try Response(serializedBytes: $0) }
    }

    // SessionHost.

    let peerDescription = "127.0.0.1:1"
    func requestFlush() {}
    func wake(at time: MonotonicTime) {}
    func closeWhenFlushed() {}
    func close() {}
    func pauseReading() {}
    func resumeReading() {}
}

extension Mutex where Value: Sendable {
    /// A mutex that can be handed around.
    final class Box: Sendable {
        let value: Mutex<Value>
        init(_ value: Value) { self.value = Mutex(value) }
    }
}

func data(_ text: String) -> Data { Data(text.utf8) }
func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }

extension TestMember {
    @discardableResult func put(_ key: String, _ value: String, lease: Int64 = 0) throws -> PutResponse {
        try call(
            .put,
            PutRequest.with {
                $0.key = data(key)
                $0.value = data(value)
                $0.lease = lease
            })
    }

    func get(_ key: String) throws -> RangeResponse {
        try call(.range, RangeRequest.with { $0.key = data(key) })
    }

    @discardableResult func delete(_ key: String) throws -> DeleteRangeResponse {
        try call(.deleteRange, DeleteRangeRequest.with { $0.key = data(key) })
    }
}
