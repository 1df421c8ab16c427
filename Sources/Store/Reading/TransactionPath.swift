import MVCC

/// Which branches a Txn and the transactions on its way take, decided before anything is done: nested
/// conditions see the state before the whole Txn.
struct TransactionPath {
    /// In the order the transactions are met when the chosen operations are walked.
    private var choices: [Bool] = []
    private var position = 0

    init(of transaction: Transaction, _ select: Selecting) throws(MVCCError) {
        try decide(transaction, select)
    }

    private mutating func decide(_ transaction: Transaction, _ select: Selecting) throws(MVCCError) {
        var holds = true
        for comparison in transaction.compares where holds { holds = try comparison.holds(select) }
        choices.append(holds)
        for case .transaction(let nested) in transaction.operations(ifHolds: holds) {
            try decide(nested, select)
        }
    }

    /// The branch of the next transaction met.
    mutating func take() -> Bool {
        defer { position += 1 }
        return choices[position]
    }

    /// Every operation that will be done, those of nested transactions included, in order.
    func operations(of transaction: Transaction) -> [Transaction.Operation] {
        var path = self
        path.position = 0
        return path.collect(transaction)
    }

    private mutating func collect(_ transaction: Transaction) -> [Transaction.Operation] {
        let chosen = transaction.operations(ifHolds: take())
        let hasNested = chosen.contains { if case .transaction = $0 { true } else { false } }
        if !hasNested { return chosen }
        var collected: [Transaction.Operation] = []
        for operation in chosen {
            if case .transaction(let nested) = operation {
                collected += collect(nested)
            } else {
                collected.append(operation)
            }
        }
        return collected
    }
}

extension Transaction {
    func operations(ifHolds holds: Bool) -> [Operation] { holds ? success : failure }
}

extension RangeQuery {
    /// Whether the revision asked for can be read, as Txns check it before they do anything: 0 is always
    /// fine, a negative one is only on a store that was never compacted (its compacted revision is -1).
    func refusal(current: Int64, compacted: Int64) -> StoreError? {
        if revision == 0 { return nil }
        if revision > current { return .futureRevision }
        return revision < compacted ? .compacted : nil
    }
}
