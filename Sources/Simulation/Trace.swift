import Raft

/// What happened, as a number; and for people, as text.
///
/// Two runs of one seed on one commit have the same hash, or the simulation is broken.
struct Trace {
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Events by kind.
    private(set) var counts = Array(repeating: 0, count: 64)
    private let write: ((String) -> Void)?

    /// `write` takes a line of text for every event; nil: none is made.
    init(_ write: ((String) -> Void)? = nil) { self.write = write }

    mutating func event(_ now: Moment, _ kind: UInt64, _ who: Int, _ detail: UInt64) {
        counts[Int(kind)] += 1
        hash = StateDigest.mix(hash ^ detail, now.microseconds ^ kind << 56 ^ UInt64(who) << 48)
    }

    func note(_ now: Moment, _ text: @autoclosure () -> String) {
        guard let write else { return }
        let micros = String(now.microseconds % 1_000_000 + 1_000_000).dropFirst()
        write("\(now.microseconds / 1_000_000).\(micros)  \(text())")
    }

    func detail(_ now: Moment, _ message: Message) {
        note(now, "\(message.from.hex) > \(message.to.hex) term \(message.term.rawValue) \(message.payload)")
    }
}
