import EtcdClient
import Wire

/// What a software transaction holds while it runs (`stm --stm-locker`).
package enum STMLocker: String, CaseIterable, Sendable {
    /// Nothing: conflicts are found at the commit.
    case stm
    /// clientv3's Mutex: a key of the client's lease under a prefix; the oldest key owns the lock.
    case lockClient = "lock-client"
    /// The Lock service: the server does the same.
    case lockRPC = "lock-rpc"
}

/// One client's way to the lock that all of them share, and back.
///
///     lock-client: trying ──owner──▶ held ──release──▶ free
///                    └▶ searching ──nobody older──▶ held
///                          ▲  └──the next older one──▶ waiting ──its key is deleted──┐
///                          └──────────────────────────────────────────────────────────┘
///     lock-rpc:    trying ──▶ held ──release──▶ free
///
/// Source: etcd client/v3/concurrency/mutex.go (Mutex.Lock), key.go (waitDeletes).
struct ClientLock {
    private enum Phase { case free, trying, searching, waiting, held }

    private static let prefix = Array("stm-lock/".utf8)

    private let locker: STMLocker
    private let lease: Int64
    private var phase = Phase.free
    /// The key that stands for our place in the queue; with lock-rpc the server names it.
    private var key: [UInt8]
    private var revision: Int64 = 0
    /// The next older key of the queue, and the revision it was seen at.
    private var older: [UInt8] = []
    private var olderSeen: Int64 = 0
    /// What is waited for has happened.
    private(set) var isSatisfied = false

    /// `lease` keeps the lock no longer than its client lives.
    init(_ locker: STMLocker, lease: Int64) {
        precondition(locker != .stm && lease != 0, "a lock hangs on a lease")
        self.locker = locker
        self.lease = lease
        key = locker == .lockClient ? Self.prefix + Array(String(lease, radix: 16).utf8) : []
    }

    /// The first request of taking it.
    mutating func begin(_ request: inout [UInt8]) -> Method {
        phase = .trying
        if locker == .lockRPC {
            request.appendField(1, always: Array(Self.prefix.dropLast()))
            request.appendField(2, lease)
            return .lock
        }
        writeTrial(&request)
        return .txn
    }

    /// Puts the key where it is not there, and asks who is the oldest.
    private func writeTrial(_ request: inout [UInt8]) {
        var compare: [UInt8] = []
        compare.appendField(2, 1 as UInt64)  // target CREATE; result EQUAL is 0
        compare.appendField(3, always: key)
        compare.appendField(5, always: 0 as UInt64)
        var put: [UInt8] = []
        put.appendField(1, always: key)
        put.appendField(3, lease)
        var own: [UInt8] = []
        own.appendField(1, always: key)
        var owner: [UInt8] = []
        owner.appendRange(Self.oldest)
        owner.appendField(5, 1 as UInt64)  // ascending
        owner.appendField(6, 2 as UInt64)  // by creation
        request.appendField(1, always: compare)
        request.appendField(2, always: Self.operation(2, put))
        request.appendField(2, always: Self.operation(1, owner))
        request.appendField(3, always: Self.operation(1, own))
        request.appendField(3, always: Self.operation(1, owner))
    }

    private static var oldest: RangeOptions {
        var options = RangeOptions()
        options.key = prefix
        options.end = RangeOptions.end(ofPrefix: prefix)
        options.limit = 1
        return options
    }

    /// A RequestOp: 1 a range, 2 a put.
    private static func operation(_ kind: Int, _ inner: [UInt8]) -> [UInt8] {
        var operation: [UInt8] = []
        operation.appendField(kind, always: inner)
        return operation
    }

    mutating func answer(_ bytes: borrowing RawSpan) {
        guard let fields = try? Fields(decoding: bytes) else { return }
        switch phase {
        case .trying where locker == .lockRPC:
            key = fields.bytes(2)
            phase = .held
        case .trying: readTrial(fields)
        case .searching: readSearch(fields)
        case .waiting:
            // A DELETE, or the watcher's end: then the queue is looked at again.
            isSatisfied =
                fields.number(4) != 0
                || fields.all(11).contains { (try? Fields(decoding: $0))?.number(1) == 1 }
        case .free, .held: break
        }
    }

    private mutating func readTrial(_ fields: Fields) {
        let answers = fields.all(3).map { (try? Fields(decoding: $0))?.message(1) }
        guard answers.count == 2 else { return }
        let isNew = fields.number(2) != 0
        revision = isNew ? fields.message(1)?.number(3) ?? 0 : answers[0]?.message(2)?.number(2) ?? 0
        let owner = answers[1]?.message(2)?.number(2) ?? revision
        phase = owner == revision ? .held : .searching
    }

    private mutating func readSearch(_ fields: Fields) {
        guard let pair = fields.message(2) else {
            phase = .held
            return
        }
        older = pair.bytes(1)
        olderSeen = fields.message(1)?.number(3) ?? 0
        phase = .waiting
        isSatisfied = false
    }

    /// What comes next; nil: the lock is held.
    mutating func proceed(_ request: inout [UInt8]) -> Step? {
        switch phase {
        case .held: return nil
        case .waiting where !isSatisfied:
            request = WatchStreams.request(key: older, from: olderSeen)
            return .follow(.watch)
        default:
            phase = .searching
            request.appendRange(Self.oldest)
            request.appendField(5, 2 as UInt64)  // descending
            request.appendField(6, 2 as UInt64)  // by creation
            request.appendField(13, revision - 1)  // max_create_revision
            return .ask(.range)
        }
    }

    /// Gives it back, and the place in the queue; nil where there is neither.
    mutating func release(_ request: inout [UInt8]) -> Method? {
        if phase == .free || key.isEmpty { return nil }
        phase = .free
        request.appendField(1, always: key)
        if locker == .lockClient { return .deleteRange }
        key = []
        return .unlock
    }
}
