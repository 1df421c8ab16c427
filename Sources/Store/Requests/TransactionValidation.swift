/// What the API refuses in a Txn before it is proposed, in etcd's order (api.md 12.5).
///
/// The overlap rules, for one list of operations and the transactions nested in it:
/// 1. Two puts of one key are refused, unless they stand in the two branches of the same nested Txn.
/// 2. A put of a key that a delete covers is refused. Deletes may overlap each other.
/// 3. The order of collecting is part of the behaviour: first the deletes of this list; then each
///    nested Txn, whose puts meet what is collected so far and whose deletes are added after that;
///    last the puts of this list. So a delete nested in a later sibling does not meet the puts of an
///    earlier one.
/// 4. A range_end of the single byte 0x00 is taken literally here, as an empty interval: a delete of
///    everything from a key on never refuses a put. etcd does the same and clients may rely on it.
extension Transaction {
    /// `bytes` are those the transaction was decoded from.
    package func validate(maxOperations: Int, in bytes: borrowing RawSpan) throws(StoreError) {
        try validateOperations(allowance: maxOperations)
        try validateWrites(success, in: bytes)
        try validateWrites(failure, in: bytes)
    }

    /// The overlap rules. One operation that holds no Txn cannot meet another: nothing is collected then.
    private func validateWrites(
        _ operations: [Operation], in bytes: borrowing RawSpan
    ) throws(StoreError) {
        if operations.isEmpty { return }
        if operations.count == 1 {
            guard case .transaction = operations[0] else { return }
        }
        _ = try Writes(of: operations, in: bytes)
    }

    /// Counts and single requests. A nested Txn has the allowance that the longest list of its parent
    /// leaves.
    fileprivate func validateOperations(allowance: Int) throws(StoreError) {
        let count = max(compares.count, success.count, failure.count)
        guard count <= allowance else { throw .tooManyOperations }
        for comparison in compares where comparison.key.isEmpty { throw .keyNotProvided }
        for operation in success { try operation.validate(allowance: allowance - count) }
        for operation in failure { try operation.validate(allowance: allowance - count) }
    }

    /// The keys put and the intervals deleted by a list of operations.
    private struct Writes {
        var puts: Set<[UInt8]> = []
        var deletes: [Interval] = []

        struct Interval {
            var start: [UInt8]
            /// Empty: the single key.
            var end: [UInt8]

            func contains(_ key: [UInt8]) -> Bool {
                if end.isEmpty { return key == start }
                return !key.lexicographicallyPrecedes(start) && key.lexicographicallyPrecedes(end)
            }
        }

        init(of operations: [Operation], in bytes: borrowing RawSpan) throws(StoreError) {
            for case .deleteRange(let command) in operations {
                deletes.append(Interval(start: command.key, end: command.rangeEnd))
            }
            for case .transaction(let nested) in operations {
                let then = try Writes(of: nested.success, in: bytes)
                let otherwise = try Writes(of: nested.failure, in: bytes)
                for key in then.puts { try add(key, besides: []) }
                for key in otherwise.puts { try add(key, besides: then.puts) }
                deletes += then.deletes + otherwise.deletes
            }
            for case .put(let command) in operations {
                try add(bytes.copied(command.key), besides: [])
            }
        }

        /// `exclusive`: puts that can never happen together with this one.
        private mutating func add(_ key: [UInt8], besides exclusive: Set<[UInt8]>) throws(StoreError) {
            if puts.contains(key) && !exclusive.contains(key) { throw .duplicateKey }
            if deletes.contains(where: { $0.contains(key) }) { throw .duplicateKey }
            puts.insert(key)
        }
    }
}

extension Transaction.Operation {
    fileprivate func validate(allowance: Int) throws(StoreError) {
        switch self {
        case .range(let query): try query.validate()
        case .put(let command): try command.validate()
        case .deleteRange(let command): try command.validate()
        case .transaction(let nested): try nested.validateOperations(allowance: allowance)
        case .empty: throw .keyNotFound
        }
    }
}
