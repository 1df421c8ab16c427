import Wire

/// A TxnRequest. Keys are copies; puts are positions in the bytes the transaction was decoded from,
/// which therefore go with it into validation and evaluation.
package struct Transaction: Sendable, Equatable {
    package enum Operation: Sendable, Equatable {
        case range(RangeQuery)
        case put(PutCommand)
        case deleteRange(DeleteRangeCommand)
        indirect case transaction(Transaction)
        /// A RequestOp with no content; refused by `validate`.
        case empty
    }

    /// Transactions nested deeper than this are refused as malformed, before they can exhaust the
    /// stack. Each level costs at least one of --max-txn-ops (128), so no valid request comes near.
    static let depthMax = 512

    package var compares: [Comparison] = []
    package var success: [Operation] = []
    package var failure: [Operation] = []

    /// Reads the message that fills `bytes`.
    package init(decoding bytes: borrowing RawSpan) throws(WireError) {
        try self.init(decoding: bytes, at: 0..<bytes.byteCount)
    }

    /// Reads the message embedded at `range` of `bytes`; positions are in `bytes`.
    package init(decoding bytes: borrowing RawSpan, at range: Range<Int>) throws(WireError) {
        try self.init(decoding: bytes, at: range, depth: 0)
    }

    private init(decoding bytes: borrowing RawSpan, at range: Range<Int>, depth: Int) throws(WireError) {
        guard depth < Transaction.depthMax else { throw .malformed(offset: range.lowerBound) }
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            guard case .bytes(let at) = field.value else { continue }
            switch field.number {
            case 1: compares.append(try Comparison(decoding: bytes, at: at))
            case 2: success.append(try Transaction.operation(in: bytes, at: at, depth: depth))
            case 3: failure.append(try Transaction.operation(in: bytes, at: at, depth: depth))
            default: break
            }
        }
    }

    /// A RequestOp: the last of its oneof fields holds.
    private static func operation(
        in bytes: borrowing RawSpan, at range: Range<Int>, depth: Int
    ) throws(WireError) -> Operation {
        var operation = Operation.empty
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            guard case .bytes(let at) = field.value else { continue }
            switch field.number {
            case 1: operation = .range(try RangeQuery(decoding: bytes, at: at))
            case 2: operation = .put(try PutCommand(decoding: bytes, at: at))
            case 3: operation = .deleteRange(try DeleteRangeCommand(decoding: bytes, at: at))
            case 4: operation = .transaction(try Transaction(decoding: bytes, at: at, depth: depth + 1))
            default: break
            }
        }
        return operation
    }

    /// Every operation of both branches is a Range; such a Txn does not go through the log. One with
    /// a nested Txn does, even if that only reads (api.md 12.5).
    package var isReadOnly: Bool {
        func reads(_ operation: Operation) -> Bool { if case .range = operation { true } else { false } }
        return success.allSatisfy(reads) && failure.allSatisfy(reads)
    }

    /// A read-only Txn whose every Range is serializable needs no ReadIndex round; so does an empty one.
    package var isSerializable: Bool {
        func isSerializable(_ operation: Operation) -> Bool {
            if case .range(let query) = operation { query.serializable } else { false }
        }
        return success.allSatisfy(isSerializable) && failure.allSatisfy(isSerializable)
    }

    /// Whether any key anywhere in it is empty. Its proposer refused that; an entry of the log is looked at
    /// all the same, for the key space takes no empty key.
    var hasEmptyKey: Bool {
        func hasEmptyKey(_ operation: Operation) -> Bool {
            switch operation {
            case .range(let query): query.key.isEmpty
            case .put(let put): put.key.isEmpty
            case .deleteRange(let command): command.key.isEmpty
            case .transaction(let nested): nested.hasEmptyKey
            case .empty: false
            }
        }
        return compares.contains { $0.key.isEmpty } || success.contains(where: hasEmptyKey)
            || failure.contains(where: hasEmptyKey)
    }

    /// Whether it is a few keys, each named, that it looks at and changes. (Their values may be large.)
    package var isBrief: Bool {
        func isBrief(_ operation: Operation) -> Bool {
            switch operation {
            case .range(let query): query.rangeEnd.isEmpty
            case .put, .empty: true
            case .deleteRange(let command): command.rangeEnd.isEmpty
            case .transaction: false
            }
        }
        return compares.count + success.count + failure.count <= Self.briefMax
            && compares.allSatisfy(\.rangeEnd.isEmpty) && success.allSatisfy(isBrief)
            && failure.allSatisfy(isBrief)
    }

    /// Comparisons and operations of a brief one; an apiserver's update has three.
    private static let briefMax = 8

    /// What the quota gate charges: the dearer branch, nested transactions included; 0 passes always.
    package var quotaCost: Int {
        func cost(_ operations: [Operation]) -> Int {
            operations.reduce(0) { total, operation in
                switch operation {
                case .put(let put): total + put.quotaCost
                case .transaction(let nested): total + nested.quotaCost
                case .range, .deleteRange, .empty: total
                }
            }
        }
        return max(cost(success), cost(failure))
    }
}

/// One condition of a Txn: what is compared with what, for every key of a range.
package struct Comparison: Sendable, Equatable {
    /// What the request holds in `target_union`.
    package enum Operand: Sendable, Equatable {
        case none
        case version(Int64), createRevision(Int64), modRevision(Int64), lease(Int64)
        case value([UInt8])
    }

    /// As sent; numbers without a meaning are kept, they compare as true (result) or as equal (target).
    package var result: Int32 = 0
    package var target: Int32 = 0
    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []
    package var operand = Operand.none

    init(decoding bytes: borrowing RawSpan, at range: Range<Int>) throws(WireError) {
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .varint(let number)): result = Int32(truncatingIfNeeded: number)
            case (2, .varint(let number)): target = Int32(truncatingIfNeeded: number)
            case (3, .bytes(let at)): key = bytes.copied(at)
            case (4, .varint(let number)): operand = .version(Int64(bitPattern: number))
            case (5, .varint(let number)): operand = .createRevision(Int64(bitPattern: number))
            case (6, .varint(let number)): operand = .modRevision(Int64(bitPattern: number))
            case (7, .bytes(let at)): operand = .value(bytes.copied(at))
            case (8, .varint(let number)): operand = .lease(Int64(bitPattern: number))
            case (64, .bytes(let at)): rangeEnd = bytes.copied(at)
            default: break
            }
        }
    }
}
