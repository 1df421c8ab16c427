import EtcdAPI
import Raft
import Store

extension Workload {
    /// An entry of the log through the state machine, up to its reply and the hand-over to the flush.
    static var applying: [Workload] {
        [
            Workload("apply.put.new") { try ApplyOperation(.put, Sample.put, keys: .new) },
            Workload("apply.put.over") { try ApplyOperation(.put, Sample.put, keys: .existing) },
            Workload("apply.put.over.100", operations: 100) {
                try ApplyOperation(.put, Sample.put, keys: .existing, entries: 100)
            },
            Workload("apply.txn") { try ApplyOperation(.txn, Sample.txn, keys: .existing) },
        ]
    }
}

/// `StateMachine.apply` of a batch of entries, each about a key of its own.
private final class ApplyOperation: Operation {
    /// Which keys are written: those that are there, in turn, or ever new ones behind them.
    enum Keys { case existing, new }

    private static let stored = 10_000
    private let store: LocalStore
    private let keys: Keys
    private var entries: [Entry]
    private let places: [Int]
    private var number = ApplyOperation.stored

    init(
        _ kind: InternalRaftRequest.Kind, _ request: [UInt8], keys: Keys, entries count: Int = 1
    ) throws {
        store = try LocalStore(keys: Self.stored)
        self.keys = keys
        var data: [UInt8] = []
        // One id for all: an entry is answered whoever waits for it.
        var ids = store.boot.ids(loop: 0)
        unsafe data.appendInternalRaftRequest(kind, request.span.bytes, id: ids.draw())
        places = NumberedBytes(data).places
        entries = (0..<count).map { _ in Entry(id: .zero, data: data + []) }
    }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            for index in entries.indices {
                let key = keys == .new ? number : number % Self.stored
                for place in places { entries[index].data.write(key, at: place) }
                number += 1
            }
            try store.apply(&entries)
            precondition(store.results.replies.count == entries.count, "every entry is answered")
        }
    }

    func settle() throws {
        number = Self.stored
        if keys == .new { try store.settle(deletingFrom: Self.stored) } else { try store.settle() }
    }
}
