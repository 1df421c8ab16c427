import MVCC
import Wire

extension Comparison {
    /// Whether every key of the comparison's range satisfies it in the state `select` sees; where there is
    /// no key, whether a pair of zeros does, and for values never (api.md 12.5).
    func holds(_ select: Selecting) throws(MVCCError) -> Bool {
        var options = SelectionOptions()
        options.wantsRecords = target == Target.value || target == Target.lease
        let selection = try select(KeyRange(key: key, rangeEnd: rangeEnd), 0, options)
        defer { selection.release() }
        guard !selection.matches.isEmpty else {
            return target != Target.value && accepts(order(of: 0, operandNumber))
        }
        for (position, match) in selection.matches.enumerated() {
            guard accepts(try order(of: match, at: position, in: selection)) else { return false }
        }
        return true
    }

    private enum Target {
        static let version: Int32 = 0
        static let create: Int32 = 1
        static let mod: Int32 = 2
        static let value: Int32 = 3
        static let lease: Int32 = 4
    }

    /// A target without a meaning compares as equal, whatever the operand is.
    private func order(of match: Match, at position: Int, in selection: Selection) throws(MVCCError) -> Int {
        switch target {
        case Target.version: return order(of: match.version, operandNumber)
        case Target.create: return order(of: match.createRevision, operandNumber)
        case Target.mod: return order(of: match.modRevision, operandNumber)
        case Target.lease:
            guard match.hasLease else { return order(of: 0, operandNumber) }
            let lease = try selection.withRecord(position) { StoredPair($0)?.lease ?? 0 }
            return order(of: lease, operandNumber)
        case Target.value:
            var wanted: [UInt8] = []
            if case .value(let bytes) = operand { wanted = bytes }
            return try selection.withRecord(position) { record in
                let value = StoredPair(record)?.value ?? 0..<0
                return unsafe KeyRange.compare(record.extracting(value), wanted.span.bytes)
            }
        default: return 0
        }
    }

    /// The operand when it is of the target's kind, else 0.
    private var operandNumber: Int64? {
        switch (target, operand) {
        case (Target.version, .version(let number)), (Target.create, .createRevision(let number)),
            (Target.mod, .modRevision(let number)), (Target.lease, .lease(let number)):
            number
        case (Target.version, _), (Target.create, _), (Target.mod, _), (Target.lease, _): 0
        default: nil
        }
    }

    private func order(of number: Int64, _ operand: Int64?) -> Int {
        guard let operand else { return 0 }
        return number < operand ? -1 : number > operand ? 1 : 0
    }

    /// EQUAL, GREATER, LESS, NOT_EQUAL; a number without a meaning accepts everything, as in etcd.
    private func accepts(_ order: Int) -> Bool {
        switch result {
        case 0: order == 0
        case 1: order > 0
        case 2: order < 0
        case 3: order != 0
        default: true
        }
    }
}
