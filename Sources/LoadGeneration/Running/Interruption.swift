import Glibc
import Synchronization

/// Ctrl-C and SIGTERM: the first asks for an end with a report, the second ends the program.
package enum Interruption {
    private static let count = Atomic<Int>(0)

    /// From now on a signal is counted.
    package static func catchSignals() {
        for signal in [SIGINT, SIGTERM] {
            Glibc.signal(signal) { number in
                if Interruption.count.add(1, ordering: .relaxed).newValue > 1 { _exit(128 + number) }
            }
        }
    }

    /// A signal has come.
    package static var hasCome: Bool { count.load(ordering: .relaxed) > 0 }
}
