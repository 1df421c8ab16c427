/// Keys from `start` up to, and without, `end`; nil: all that follow.
struct KeyInterval: Sendable, Equatable {
    /// The range_end that means every key from `key` on.
    static let openEnd: [UInt8] = [0]

    var start: [UInt8]
    var end: [UInt8]?

    /// A key and a range_end as requests and permissions have them (api.md 12.1).
    init(key: [UInt8], rangeEnd: [UInt8]) {
        start = key
        // No key lies between a key and itself followed by a zero byte.
        end = rangeEnd.isEmpty ? key + [0] : rangeEnd == Self.openEnd ? nil : rangeEnd
    }

    /// A real end at or below the start leaves no key.
    var isEmpty: Bool { end.map { !start.lexicographicallyPrecedes($0) } ?? false }
}

/// A set of keys as few intervals: ascending, not empty, and with a gap between any two.
struct KeyIntervals: Sendable, Equatable {
    private(set) var intervals: [KeyInterval] = []

    /// The union. Intervals that overlap or touch become one, so that a range which several permissions cover
    /// together lies in one of them.
    init(merging parts: [KeyInterval]) {
        let ordered = parts.filter { !$0.isEmpty }
            .sorted { $0.start.lexicographicallyPrecedes($1.start) }
        for part in ordered {
            guard let last = intervals.last, let end = last.end else {
                // Behind an open end there is nothing to add.
                if intervals.isEmpty { intervals.append(part) }
                continue
            }
            if end.lexicographicallyPrecedes(part.start) {
                intervals.append(part)
            } else if part.end.map({ end.lexicographicallyPrecedes($0) }) ?? true {
                intervals[intervals.count - 1].end = part.end
            }
        }
    }

    /// Whether every key of the range is in the set. Of a range that can hold no key, its start must be.
    func contain(_ wanted: KeyInterval) -> Bool {
        // The last interval that does not begin behind the wanted one.
        var (low, high) = (0, intervals.count)
        while low < high {
            let middle = (low + high) / 2
            if wanted.start.lexicographicallyPrecedes(intervals[middle].start) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        guard low > 0 else { return false }
        guard let end = intervals[low - 1].end else { return true }
        guard wanted.start.lexicographicallyPrecedes(end), let wantedEnd = wanted.end else { return false }
        return !end.lexicographicallyPrecedes(wantedEnd)
    }
}
