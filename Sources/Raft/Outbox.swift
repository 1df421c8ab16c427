/// Keeps messages back until what they reveal is durable (design.md 4.1, 4.2).
///
/// Writes are numbered and become durable in order. Each message names what it reveals; it leaves when the
/// newest write of that kind, as of the step that sent it, is durable. A leader's messages reveal its term
/// only, which was durable before it could win, so they leave at once, beside its own append.
struct Outbox {
    /// What a message must not run ahead of.
    enum Revealed {
        /// Term and vote.
        case ballot
        /// Term, vote and every entry of the log.
        case log
    }

    private struct Held {
        var until: WriteSequence
        var message: Message
    }

    /// The entries of a write that is on its way; `last` shrinks when they are replaced meanwhile.
    private struct Pending {
        var sequence: WriteSequence
        var last: LogIndex
    }

    private var staged: [(message: Message, revealed: Revealed)] = []
    private var held: [Held] = []
    private var pending: [Pending] = []
    private(set) var issued = WriteSequence(0)
    private(set) var durable = WriteSequence(0)
    private var ballotWrite = WriteSequence(0)
    private var logWrite = WriteSequence(0)

    var hasStaged: Bool { !staged.isEmpty }
    var heldCount: Int { held.count }

    mutating func stage(_ message: Message, revealing revealed: Revealed) {
        staged.append((message, revealed))
    }

    /// Numbers a write; `last` is the newest entry in it or before it.
    mutating func issue(hasBallot: Bool, hasLog: Bool, last: LogIndex) -> WriteSequence {
        issued = WriteSequence(issued.rawValue + 1)
        if hasBallot { ballotWrite = issued }
        if hasBallot || hasLog { logWrite = issued }
        if hasLog { pending.append(Pending(sequence: issued, last: last)) }
        return issued
    }

    /// Entries after `index` were replaced: writes on their way no longer prove them.
    mutating func truncate(after index: LogIndex) {
        for place in pending.indices where pending[place].last > index { pending[place].last = index }
    }

    /// A snapshot replaced the log: writes on their way prove nothing of it.
    mutating func forgetPending() { pending.removeAll(keepingCapacity: true) }

    /// Moves staged messages out, or among the held ones. Call after the step's write was numbered.
    mutating func flush(into messages: inout [Message]) {
        if staged.isEmpty { return }
        for (message, revealed) in staged {
            let until = revealed == .ballot ? ballotWrite : logWrite
            if until <= durable, !isLoop(message) {
                messages.append(message)
            } else {
                held.append(Held(until: until, message: message))
            }
        }
        staged.removeAll(keepingCapacity: true)
    }

    /// Everything up to `sequence` is durable: the newest entry that proves, if any.
    mutating func persisted(_ sequence: WriteSequence) -> LogIndex? {
        invariant(sequence <= issued, "write \(sequence.rawValue) persisted, only \(issued.rawValue) issued")
        if sequence > durable { durable = sequence }
        var last: LogIndex?
        while let oldest = pending.first, oldest.sequence <= durable {
            // Writes hold the log's order, so a later one proves at least as much unless it replaced entries.
            last = oldest.last
            pending.removeFirst()
        }
        return last
    }

    /// Takes out the messages whose wait is over: those to others into `messages`, those to oneself returned.
    mutating func release(into messages: inout [Message]) -> [Message] {
        if held.isEmpty { return [] }
        var loops: [Message] = []
        var kept = 0
        for place in held.indices {
            if held[place].until > durable {
                held.swapAt(kept, place)
                kept += 1
            } else if isLoop(held[place].message) {
                loops.append(held[place].message)
            } else {
                messages.append(held[place].message)
            }
        }
        held.removeLast(held.count - kept)
        return loops
    }

    /// A message to oneself: one's own vote, which counts once it is durable like anybody's.
    private func isLoop(_ message: Message) -> Bool { message.to == message.from }
}
