import EtcdClient
import Raft
import Wire

/// How much a software transaction may overlook of what others do (clientv3's concurrency recipe).
package enum Isolation: String, CaseIterable, Sendable {
    /// Every read from its own moment; the commit is unconditional.
    case readCommitted = "c"
    /// Reads of one key agree; the commit asks whether they still hold.
    case repeatableReads = "r"
    /// All reads at the revision of the first.
    case serializable = "s"
    /// Serializable, and what is written has not changed either.
    case serializableSnapshot = "ss"
}

/// `stm`: reads of some keys and writes of some, committed by one transaction that is tried again, from its
/// reads on, when its conditions fail. The latency is that of all tries, and of taking and giving back
/// the lock where there is one around it.
package final class STMWorkload: Workload {
    package let kinds = ["stm"]
    private let isolation: Isolation
    private let names: [[UInt8]]
    private let keysPerTransaction: Int
    private let writePercent: UInt64
    private var values: Values
    private var chance: SeededGenerator
    private var transactions: [Transaction]
    /// By client; empty without a locker.
    private var locks: [ClientLock]
    /// Tries that failed for a conflict.
    package private(set) var conflicts = 0

    private struct Transaction {
        var keys: [Int] = []
        var isWrite = false
        /// The mod revision each key was read at, as far as read.
        var revisions: [Int64] = []
        var firstRevision: Int64 = 0
        var isLocking = false
        var isUnlocking = false
        var isCommitting = false
        var hasSucceeded = false
    }

    /// `leases`: those of the clients, where there is a locker.
    package init(
        isolation: Isolation, keys: Int, keysPerTransaction: Int, writePercent: Int, values: Values,
        clients: Int, seed: UInt64, locker: STMLocker = .stm, leases: [Int64] = []
    ) {
        precondition(locker == .stm || leases.count == clients, "every client has a lease for its lock")
        locks = locker == .stm ? [] : leases.map { ClientLock(locker, lease: $0) }
        precondition(keysPerTransaction > 0 && keysPerTransaction <= keys, "a transaction's keys differ")
        self.isolation = isolation
        names = (0..<keys).map { Array("stm/\($0)".utf8) }
        self.keysPerTransaction = keysPerTransaction
        self.writePercent = UInt64(writePercent)
        self.values = values
        chance = SeededGenerator(seed: seed &+ 3)
        transactions = Array(repeating: Transaction(), count: clients)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        var transaction = Transaction()
        var taken: Set<Int> = []
        while transaction.keys.count < keysPerTransaction {
            let key = Int(chance.below(UInt64(names.count)))
            if taken.insert(key).inserted { transaction.keys.append(key) }
        }
        transaction.isWrite = chance.below(100) < writePercent
        transaction.isLocking = !locks.isEmpty
        transactions[client] = transaction
        return locks.isEmpty ? read(client, &request) : locks[client].begin(&request)
    }

    private func read(_ client: Int, _ request: inout [UInt8]) -> Method {
        let transaction = transactions[client]
        var options = RangeOptions()
        options.key = names[transaction.keys[transaction.revisions.count]]
        request.appendRange(options)
        let isPinned = isolation == .serializable || isolation == .serializableSnapshot
        if isPinned, transaction.firstRevision > 0 {
            request.appendField(4, transaction.firstRevision)
        }
        return .range
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        if transactions[client].isLocking { return locks[client].answer(bytes) }
        if transactions[client].isUnlocking { return }
        guard let fields = try? Fields(decoding: bytes) else { return }
        if transactions[client].isCommitting {
            transactions[client].hasSucceeded = fields.number(2) != 0
            return
        }
        let pair = fields.message(2)  // the one key, where it exists
        transactions[client].revisions.append(pair?.number(3) ?? 0)
        if transactions[client].firstRevision == 0 {
            transactions[client].firstRevision = fields.message(1)?.number(3) ?? 0
        }
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        if transactions[client].isLocking {
            if let step = locks[client].proceed(&request) { return step }
            transactions[client].isLocking = false
            return .ask(read(client, &request))
        }
        let transaction = transactions[client]
        if transaction.isUnlocking { return .done(kind: 0) }
        if transaction.isCommitting {
            if transaction.hasSucceeded { return unlock(client, &request) }
            conflicts += 1
            transactions[client].revisions = []
            transactions[client].firstRevision = 0
            transactions[client].isCommitting = false
            return .ask(read(client, &request))
        }
        if transaction.revisions.count < transaction.keys.count { return .ask(read(client, &request)) }
        transactions[client].isCommitting = true
        request = commit(transaction)
        return .ask(.txn)
    }

    private func unlock(_ client: Int, _ request: inout [UInt8]) -> Step {
        guard !locks.isEmpty, let method = locks[client].release(&request) else { return .done(kind: 0) }
        transactions[client].isUnlocking = true
        return .ask(method)
    }

    package func isSatisfied(_ client: Int) -> Bool { locks[client].isSatisfied }

    /// A lock that is not given back would stop everybody.
    package func failed(_ client: Int, _ request: inout [UInt8]) -> Method? {
        locks.isEmpty ? nil : locks[client].release(&request)
    }

    private func commit(_ transaction: Transaction) -> [UInt8] {
        var request: [UInt8] = []
        for (place, key) in transaction.keys.enumerated() {
            if isolation != .readCommitted {
                // revision unchanged since it was read
                var compare: [UInt8] = []
                compare.appendField(2, 2 as UInt64)  // target MOD; result EQUAL is 0
                compare.appendField(3, always: names[key])
                compare.appendField(6, always: UInt64(bitPattern: transaction.revisions[place]))
                request.appendField(1, always: compare)
            }
        }
        guard transaction.isWrite else { return request }
        for key in transaction.keys {
            var put: [UInt8] = []
            put.appendField(1, always: names[key])
            put.appendField(2, always: Array(values.draw()))
            var operation: [UInt8] = []
            operation.appendField(2, always: put)
            request.appendField(2, always: operation)
        }
        return request
    }
}
