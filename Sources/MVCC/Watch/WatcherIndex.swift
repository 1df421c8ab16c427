/// Which watchers a key concerns: those of that key by hash, those of ranges by interval tree.
struct WatcherIndex {
    private var singles: [[UInt8]: [Int]] = [:]
    private var ranges = IntervalTree()

    mutating func insert(_ slot: Int, _ range: KeyRange) {
        switch range.end {
        case .single: singles[range.start, default: []].append(slot)
        case .fromKey: ranges.insert(slot, start: range.start, end: .infinity)
        case .key(let end): ranges.insert(slot, start: range.start, end: .key(end))
        }
    }

    mutating func remove(_ slot: Int, _ range: KeyRange) {
        switch range.end {
        case .single:
            singles[range.start]?.removeAll { $0 == slot }
            if singles[range.start]?.isEmpty == true { singles[range.start] = nil }
        case .fromKey: ranges.remove(slot, start: range.start, end: .infinity)
        case .key(let end): ranges.remove(slot, start: range.start, end: .key(end))
        }
    }

    /// Appends the slots of all watchers of `key`.
    func find(_ key: [UInt8], into slots: inout [Int]) {
        if let found = singles[key] { slots += found }
        if ranges.count > 0 { ranges.find(key, into: &slots) }
    }
}
