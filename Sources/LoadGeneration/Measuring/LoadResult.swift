import HTTP

/// What a run measured.
package struct LoadResult {
    /// One kind of operation.
    package struct Kind {
        package let name: String
        package var latencies = Latencies()
        /// Its own seconds and timeline, where they are not the result's.
        package var elapsed: Double?
        package var timeline: Timeline?
        package init(name: String) { self.name = name }
    }

    package var kinds: [Kind]
    package var timeline: Timeline
    /// Operations that failed, by code and text.
    package var errors: [GRPCStatus: Int] = [:]
    /// From the first operation that counts to the last end, in seconds.
    package var elapsed = 0.0
    /// What this process used meanwhile, in seconds of processor.
    package var ownCPU = 0.0
    /// Operations of an open loop that were due before the end and were never begun.
    package var unsent = 0
    /// How an open loop kept its pace.
    package var pace: Pace?
    /// What the server's processes used, if they were named (`--pid`).
    package var server: ServerUse?
    /// It was told to stop before it was done (Ctrl-C).
    package var isInterrupted = false

    package var succeeded: Int { kinds.reduce(0) { $0 + $1.latencies.count } }
    package var failed: Int { errors.values.reduce(0, +) }
    package var rate: Double { elapsed > 0 ? Double(succeeded) / elapsed : 0 }
}

extension LoadResult {
    /// Operations per second: those asked for, and those begun.
    package struct Pace {
        package let asked: Double
        package let reached: Double
        /// The last operation began more than a hundredth too late, and than a busy host explains.
        package let isMissed: Bool

        /// `intended` and `actual`: nanoseconds from the first of the operations to the last.
        init?(operations: Int, intended: Int64, actual: Int64) {
            guard operations > 1, intended > 0, actual > 0 else { return nil }
            asked = Double(operations - 1) / Double(intended) * 1e9
            reached = Double(operations - 1) / Double(actual) * 1e9
            isMissed = actual - intended > max(intended / 100, 10_000_000)
        }
    }
}

/// What another process used during a run.
package struct ServerUse {
    /// Seconds of processor.
    package var cpu: Double
    /// Resident bytes at the end, and those of them that are no file's.
    package var residentBytes: Int
    package var anonymousBytes: Int
}

extension [GRPCStatus: Int] {
    /// Errors with how often each came, the most frequent first, in the same order on every run.
    package var byCount: [(status: GRPCStatus, count: Int)] {
        map { (status: $0.key, count: $0.value) }
            .sorted { ($0.count, $1.status.message) > ($1.count, $0.status.message) }
    }
}
