import Telemetry

/// Go's durations as values of flags.
extension GoDuration {
    static func parse(_ text: String) throws(ValueError) -> Duration {
        guard let value = nanoseconds(text) else { throw .syntax }
        return .nanoseconds(value)
    }

    /// Go's text of a duration: `1h0m0s`, `1.5s`, `300ms`, `0s`.
    static func text(_ duration: Duration) -> String { duration.goText }
}
