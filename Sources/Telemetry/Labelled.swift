import Synchronization

/// One metric for each combination of label values. Looking one up takes a lock: keep what you get.
package final class Labelled<Metric: AnyObject & Sendable>: Sendable {
    package let names: [String]
    private let make: @Sendable () -> Metric
    private let children = Mutex<[[String]: Metric]>([:])

    init(_ names: [String], _ make: @escaping @Sendable () -> Metric) {
        precondition(!names.isEmpty)
        self.names = names
        self.make = make
    }

    /// The metric of these label values, made at 0 when it is asked for the first time.
    package func with(_ values: String...) -> Metric {
        precondition(values.count == names.count, "one value for each label")
        return children.withLock { table in
            if let found = table[values] { return found }
            let metric = make()
            table[values] = metric
            return metric
        }
    }

    /// Forgets all combinations: for a label that names the current version of something.
    package func removeAll() { children.withLock { $0.removeAll() } }

    /// Sorted by label values.
    package var all: [(values: [String], metric: Metric)] {
        let table = children.withLock { $0 }
        return table.map { ($0.key, $0.value) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
    }
}
