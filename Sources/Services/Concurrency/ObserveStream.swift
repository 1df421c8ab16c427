import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// Election.Observe: the leader's value now and after each change, then the next leader's, for ever.
///
///     finding ──leader──▶ following(its key) ──deleted──▶ finding
///        └─no leader──▶ awaiting(the prefix) ──first put──▶ following
final class ObserveStream: InnerCall {
    /// A client that leaves this much unread is ended.
    private static let queuedBytesMax = 8 * 1024 * 1024

    private enum State {
        case finding
        case awaiting(WatcherID)
        case following(WatcherID)
        case over
    }

    private let services: LoopServices
    private let call: GRPCCall
    private let prefix: [UInt8]
    private var state = State.finding
    /// What the watcher saw since the last wake, with the revision of its response.
    private var seen: [(revision: Int64, events: WatchEvents)] = []

    init(_ services: LoopServices, _ call: GRPCCall, name: [UInt8]) {
        self.services = services
        self.call = call
        prefix = queuePrefix(name: name)
    }

    func start() {
        call.handler = self
        call.begin()
        services.concurrencyCalls.open[call.id] = self
        find()
    }

    private func find() {
        stopWatching()
        state = .finding
        services.reads.gather(.step(self))
    }

    func readable() {
        guard case .finding = state else { return }
        let found: (revision: Int64, pair: FoundPair?)
        do {
            found = try services.findPair(electionQuery(prefix: prefix), for: call)
        } catch { return failed(error) }
        guard let leader = found.pair else {
            let range = KeyRange(key: prefix, rangeEnd: TxnBuilder.prefixEnd(prefix))
            state = .awaiting(watch(range, from: found.revision, wantsDeletes: false))
            return
        }
        send(leader, revision: found.revision)
        follow(leader.key, from: found.revision + 1)
    }

    private func follow(_ key: [UInt8], from revision: Int64) {
        stopWatching()
        state = .following(watch(KeyRange(key: key, rangeEnd: []), from: revision, wantsDeletes: true))
    }

    private func watch(_ range: KeyRange, from revision: Int64, wantsDeletes: Bool) -> WatcherID {
        var options = WatchOptions(range: range, startRevision: revision)
        options.wantsDeletes = wantsDeletes
        let watcher = services.hub.create(options).watcher
        services.router[watcher] = .inner(self)
        services.hubHasWork = true
        return watcher
    }

    func changed(revision: Int64, events: WatchEvents) {
        if seen.isEmpty { services.concurrencyCalls.noted.append(self) }
        seen.append((revision, events))
    }

    /// The place in the log is lost: start from what is there now.
    func compacted() {
        seen.removeAll()
        state = .finding
        services.reads.gather(.step(self))
    }

    func wake() {
        let batches = seen
        seen.removeAll()
        for (revision, events) in batches {
            for event in Self.events(events) where !take(event, revision: revision) { return }
        }
    }

    /// False when the rest of what was seen does not matter any more.
    private func take(_ event: Fields, revision: Int64) -> Bool {
        guard let pair = FoundPair(event.bytes(Event.Field.kv)) else { return true }
        let isDelete = event.number(Event.Field.type) == 1
        switch state {
        case .following where isDelete:
            find()
            return false
        case .following:
            send(pair, revision: revision)
            return true
        case .awaiting where !isDelete:
            send(pair, revision: pair.modRevision)
            follow(pair.key, from: pair.modRevision + 1)
            return false
        default: return false
        }
    }

    /// The events of a response, which lie in it as fields 11.
    private static func events(_ events: WatchEvents) -> [Fields] {
        let all = (try? Fields(decoding: events.bytes))?.all(WatchResponse.Field.events) ?? []
        return all.compactMap { try? Fields(decoding: $0) }
    }

    private func send(_ leader: FoundPair, revision: Int64) {
        guard call.queuedBytes < Self.queuedBytesMax else { return failed(GRPCStatus(.resourceExhausted)) }
        var message = services.responses.begin(revision: revision)
        message.appendField(LeaderResponse.Field.kv, always: leader.bytes)
        services.send(call, .observe, message)
    }

    var asker: GRPCCall? { call }

    func replied(_ outcome: Outcome) {}

    func failed(_ status: GRPCStatus) {
        close()
        services.finish(call, .observe, status.asInnerClientError)
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {}

    func cancelled(_ call: GRPCCall) {
        close()
        services.cancelled(call, .observe)
    }

    func end(_ status: GRPCStatus) { failed(status) }

    private func close() {
        stopWatching()
        state = .over
        services.concurrencyCalls.open[call.id] = nil
    }

    private func stopWatching() {
        switch state {
        case .awaiting(let watcher), .following(let watcher):
            services.hub.cancel(watcher)
            services.router[watcher] = nil
        case .finding, .over: break
        }
        seen.removeAll()
    }
}
