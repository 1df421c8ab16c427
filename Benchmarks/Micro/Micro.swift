import Benchmark
import Workloads

/// What the package's runner calls: a benchmark per workload, timed. Nothing is compared with a threshold,
/// for times are the machine's as much as ours; what must not change is counted by `allocations`.
let benchmarks: @Sendable () -> Void = {
    for workload in Workload.all {
        let bench = Bench(workload)
        Benchmark(
            workload.name,
            configuration: .init(
                metrics: [.wallClock, .throughput], warmupIterations: 2,
                scalingFactor: bench.isFast ? .kilo : .one, maxDuration: .seconds(1)),
            closure: { (benchmark: Benchmark) throws -> Void in try bench.measure(benchmark) },
            teardown: { bench.end() })
    }
}

/// One workload under the runner, which calls from one thread at a time.
private final class Bench: @unchecked Sendable {
    // Sendable: the runner makes its calls one after the other.
    private let workload: Workload
    private var operation: (any Operation)?

    init(_ workload: Workload) { self.workload = workload }

    /// Fast ones are timed by the thousand, the others one by one; the tables show the time of one.
    var isFast: Bool { workload.operations == 1000 }

    func measure(_ benchmark: Benchmark) throws {
        let operation = try self.operation ?? workload.prepare()
        self.operation = operation
        benchmark.startMeasurement()
        try operation.run(isFast ? benchmark.scaledIterations.count : 1)
        benchmark.stopMeasurement()
        try operation.settle()
    }

    func end() { operation = nil }
}
