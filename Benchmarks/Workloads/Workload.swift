/// One path of the server that is worth measuring, alone and in one thread, without a clock: whoever runs it
/// counts or times (`allocations`, `micro`).
package struct Workload: Sendable {
    /// Path and variant, e.g. `http2.put`: what the tables call it.
    package let name: String
    /// Operations that make one measurement: enough to be told from the noise, few enough for a second.
    package let operations: Int
    /// Makes the state the operation works on.
    package let prepare: @Sendable () throws -> any Operation

    init(_ name: String, operations: Int = 1000, _ prepare: @escaping @Sendable () throws -> any Operation) {
        precondition(operations > 0)
        self.name = name
        self.operations = operations
        self.prepare = prepare
    }

    /// Every workload, in the order of the tables.
    package static var all: [Workload] {
        journal + applying + index + ranges + turnaround + messages + checksums
    }
}

/// The operation of a workload together with its state; one thread owns it.
package protocol Operation: AnyObject {
    /// Does the operation `count` times.
    func run(_ count: Int) throws

    /// Brings the state back to where it was before the last runs, where they changed it: what the server
    /// does behind a request's back (flush, compaction) belongs here and into no measurement.
    func settle() throws
}

extension Operation {
    package func settle() throws {}
}
