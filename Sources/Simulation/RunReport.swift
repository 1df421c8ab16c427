/// What a run was.
package struct RunReport: Sendable {
    package let seed: UInt64
    /// Everything that reached somebody: messages, ticks, disk completions, applies, flushes, calls, answers.
    package let events: Int
    package let simulatedMicroseconds: UInt64
    /// Equal for equal runs.
    package let traceHash: UInt64
    /// Why the run cannot be right; nil: nothing was found.
    package let violation: String?
    package let entries: Int
    package let elections: Int
    package let callsAnswered: Int
    package let callsUnknown: Int
    package let statesCompared: Int
    package let renewals: Int

    init(seed: UInt64, events: Int, simulated: Moment, trace: UInt64, referee: Referee) {
        self.seed = seed
        self.events = events
        simulatedMicroseconds = simulated.microseconds
        traceHash = trace
        violation = referee.violation
        entries = referee.log.count
        elections = referee.elections
        callsAnswered = referee.calls.answered
        callsUnknown = referee.calls.unknown
        statesCompared = referee.statesCompared
        renewals = referee.leases.renewals
    }
}
