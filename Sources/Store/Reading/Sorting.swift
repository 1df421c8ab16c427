import MVCC

/// The order a Range asks for, where it is another than by key ascending.
///
/// Ties keep the order of the keys, also when descending. (etcd's sort is not stable; for the few pairs
/// for which it is, the result is the same.)
struct Sorting: Equatable {
    var target: RangeQuery.SortTarget
    var isDescending: Bool

    /// Nil when the selection's own order, by key ascending, will do. A target without an order means
    /// ascending (api.md 12.2 step 7).
    init?(_ query: RangeQuery) {
        let target = query.sortTarget ?? .key
        let order = query.sortOrder ?? .none
        if target == .key && order != .descend { return nil }
        self.target = target
        isDescending = order == .descend
    }

    /// Positions in the selection's matches in the order asked for.
    func order(of selection: Selection) throws(MVCCError) -> [Int32] {
        let positions = (0..<Int32(selection.matches.count))
        if target == .key { return positions.reversed() }
        if target == .value { return try orderByValue(selection, positions) }
        let keys: [Int64] = selection.matches.map { match in
            switch target {
            case .version: match.version
            case .create: match.createRevision
            default: match.modRevision
            }
        }
        return positions.sorted { a, b in
            let (left, right) = (keys[Int(a)], keys[Int(b)])
            if left == right { return a < b }
            return isDescending ? left > right : left < right
        }
    }

    private func orderByValue(
        _ selection: Selection, _ positions: Range<Int32>
    ) throws(MVCCError) -> [Int32] {
        var values: [[UInt8]] = []
        for position in positions {
            values.append(
                try selection.withRecord(Int(position)) { record in
                    StoredPair(record).map { record.copied($0.value) } ?? []
                })
        }
        return positions.sorted { a, b in
            let (left, right) = (values[Int(a)], values[Int(b)])
            // Bytes have no padding.
            let order = unsafe KeyRange.compare(left.span.bytes, right.span.bytes)
            if order == 0 { return a < b }
            return isDescending ? order > 0 : order < 0
        }
    }
}
