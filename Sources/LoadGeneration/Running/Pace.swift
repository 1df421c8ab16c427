/// When the operations of an open loop are meant to begin, in nanoseconds from the first one's begin.
package enum Pace {
    /// So many a second.
    case rate(Double)
    /// Each at a time of its own, in ascending order; what is asked beyond them begins with the last.
    case times([Int64])

    /// More than a century, and far enough from the end of the numbers to be added to.
    package static let never = 4e18

    /// Nil: the plan has none, and its loop is closed.
    init?(_ plan: LoadPlan) {
        if let times = plan.times {
            self = .times(times)
        } else if let rate = plan.rate {
            self = .rate(rate)
        } else {
            return nil
        }
    }

    /// When the operation with this place (base 0) is meant to begin.
    func begin(of place: Int) -> Int64 {
        switch self {
        case .rate(let rate): Int64(min(Double(place) / rate * 1e9, Self.never))
        case .times(let times): times[min(place, times.count - 1)]
        }
    }

    /// How many operations are meant to begin before `time`.
    func count(before time: Int64) -> Int {
        switch self {
        case .times(let times):
            return times.firstIndex { $0 >= time } ?? .max
        case .rate(let rate):
            // The product may be off by the last digit, where `begin` decides.
            let product = (Double(time) / 1e9 * rate).rounded(.up)
            guard product < 1e15, Double(time) < Self.never else { return .max }
            var count = Int(max(product, 0))
            while count > 0, begin(of: count - 1) >= time { count -= 1 }
            while begin(of: count) < time { count += 1 }
            return count
        }
    }
}
