/// The door to the simulation.
package enum Runs {
    /// Runs the scenario of a seed to its end, or to the first violation.
    ///
    /// `trace` takes a line for everything that happens; it does not change the run. Throws only when the
    /// machine has no room for the databases, which lie in /dev/shm.
    package static func run(seed: UInt64, trace: ((String) -> Void)? = nil) throws -> RunReport {
        let cluster = try Cluster(Scenario(seed: seed), trace: Trace(trace))
        return cluster.run()
    }
}

extension RunReport {
    /// One line for people.
    package var text: String {
        "seed \(seed): \(events) events, \(simulatedMicroseconds / 1_000_000) simulated s, "
            + "\(entries) entries, \(elections) elections, \(callsAnswered) calls answered, "
            + "\(callsUnknown) unknown, \(renewals) leases given, \(statesCompared) states compared, trace "
            + String(traceHash, radix: 16)
    }
}
