import Synchronization

/// One metric for each combination of label values. Looking one up takes a lock: keep what you get.
package final class Labelled<Metric: AnyObject & Sendable>: Sendable {
    /// A metric with its labels as the text format shows them: `code="OK",type="unary"`.
    struct Child: Sendable {
        let labels: String
        let metric: Metric
        /// The values in the order of the sorted names; children are shown in this order.
        fileprivate let order: [String]
    }

    private struct Table {
        var byValues: [[String]: Child] = [:]
        /// Made when somebody looks and forgotten when a child comes: a scrape sorts nothing.
        var sorted: [Child]?
    }

    package let names: [String]
    /// The places of the names in alphabetical order.
    private let places: [Int]
    private let make: @Sendable () -> Metric
    private let table = Mutex(Table())

    init(_ names: [String], _ make: @escaping @Sendable () -> Metric) {
        precondition(!names.isEmpty)
        self.names = names
        self.make = make
        places = names.indices.sorted { names[$0] < names[$1] }
    }

    /// The metric of these label values, made at 0 when it is asked for the first time.
    package func with(_ values: String...) -> Metric {
        precondition(values.count == names.count, "one value for each label")
        return table.withLock { table in
            if let found = table.byValues[values] { return found.metric }
            let labels = places.map { names[$0] + "=\"" + MetricsText.escaped(values[$0]) + "\"" }
            let child = Child(
                labels: labels.joined(separator: ","), metric: make(), order: places.map { values[$0] })
            table.byValues[values] = child
            table.sorted = nil
            return child.metric
        }
    }

    /// Forgets all combinations: for a label that names the current version of something.
    package func removeAll() { table.withLock { $0 = Table() } }

    /// In the order in which they are shown.
    var all: [Child] {
        table.withLock { table in
            if let sorted = table.sorted { return sorted }
            let sorted = table.byValues.values.sorted { $0.order.lexicographicallyPrecedes($1.order) }
            table.sorted = sorted
            return sorted
        }
    }
}
