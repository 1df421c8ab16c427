import Synchronization

/// All metrics of a process, for `/metrics`. Metrics are registered at start and live as long as it.
package final class MetricsRegistry: Sendable {
    /// A name with everything that is measured under it.
    struct Family: Sendable {
        let name: String
        let help: String
        let source: Source
    }

    enum Source: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case computed(ComputedGauge)
        case histogram(Histogram)
        case counters(Labelled<Counter>)
        case gauges(Labelled<Gauge>)
        case histograms(Labelled<Histogram>)
        /// Values of several families read at once from the system (`/proc`).
        case sampled(kind: String, @Sendable () -> Double?)

        var kind: String {
            switch self {
            case .counter, .counters: "counter"
            case .gauge, .computed, .gauges: "gauge"
            case .histogram, .histograms: "histogram"
            case .sampled(let kind, _): kind
            }
        }
    }

    private struct Table {
        var byName: [String: Family] = [:]
        /// Made when somebody looks first.
        var sorted: [Family]?
    }

    private let families = Mutex(Table())
    private let refresh = Mutex<(@Sendable () -> Void)?>(nil)

    package init() {}

    private func add(_ name: String, _ help: String, _ source: Source) {
        families.withLock { table in
            precondition(table.byName[name] == nil, "a metric is registered once")
            table.byName[name] = Family(name: name, help: help, source: source)
            table.sorted = nil
        }
    }

    package func counter(_ name: String, _ help: String) -> Counter {
        let counter = Counter()
        add(name, help, .counter(counter))
        return counter
    }

    package func gauge(_ name: String, _ help: String) -> Gauge {
        let gauge = Gauge()
        add(name, help, .gauge(gauge))
        return gauge
    }

    package func computed(_ name: String, _ help: String) -> ComputedGauge {
        let gauge = ComputedGauge()
        add(name, help, .computed(gauge))
        return gauge
    }

    package func histogram(_ name: String, _ help: String, _ buckets: Histogram.Buckets) -> Histogram {
        let histogram = Histogram(buckets)
        add(name, help, .histogram(histogram))
        return histogram
    }

    package func counters(_ name: String, _ help: String, _ labels: String...) -> Labelled<Counter> {
        let family = Labelled(labels) { Counter() }
        add(name, help, .counters(family))
        return family
    }

    package func gauges(_ name: String, _ help: String, _ labels: String...) -> Labelled<Gauge> {
        let family = Labelled(labels) { Gauge() }
        add(name, help, .gauges(family))
        return family
    }

    package func histograms(
        _ name: String, _ help: String, _ buckets: Histogram.Buckets, _ labels: String...
    ) -> Labelled<Histogram> {
        let family = Labelled(labels) { Histogram(buckets) }
        add(name, help, .histograms(family))
        return family
    }

    /// A value read when somebody looks; nothing is shown while it cannot be read.
    func sampled(_ name: String, _ help: String, kind: String, _ read: @escaping @Sendable () -> Double?) {
        add(name, help, .sampled(kind: kind, read))
    }

    /// The second name of a family, for dashboards that know the older one.
    package func alias(_ name: String, _ help: String, of gauge: ComputedGauge) {
        add(name, help, .computed(gauge))
    }

    /// `body` runs each time before the metrics are shown, on the thread that shows them, and brings up to
    /// date what is counted elsewhere. It must not block.
    package func beforeText(_ body: @escaping @Sendable () -> Void) { refresh.withLock { $0 = body } }

    func bringUpToDate() { refresh.withLock { $0 }?() }

    /// The second name of a family.
    package func alias(_ name: String, _ help: String, of counter: Counter) {
        add(name, help, .counter(counter))
    }

    /// Sorted by name.
    var all: [Family] {
        families.withLock { table in
            if let sorted = table.sorted { return sorted }
            let sorted = table.byName.values.sorted { $0.name < $1.name }
            table.sorted = sorted
            return sorted
        }
    }
}
