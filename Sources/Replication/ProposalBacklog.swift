import Raft

/// Proposals that came while no leader was known, or while this one handed its leadership on: they wait for
/// a leader that takes them, for a while (spec/raft.md 9).
struct ProposalBacklog {
    struct Batch {
        var entries: [ProposedEntry]
        /// Another member's: it is not told what becomes of them.
        var isForwarded: Bool
        var arrival: UInt64
    }

    private let limits: Replica.Limits
    private var batches: [Batch] = []
    private var count = 0

    init(limits: Replica.Limits) { self.limits = limits }

    var isEmpty: Bool { batches.isEmpty }

    /// Keeps a batch, or refuses it when too many wait.
    mutating func add(_ entries: [ProposedEntry], at tick: UInt64, refused: inout [Refusal]) {
        if count + entries.count > limits.backlogMax {
            for entry in entries { refused.append(Refusal(tag: entry.tag, reason: .tooManyRequests)) }
            return
        }
        keep(entries, isForwarded: false, at: tick)
    }

    /// Keeps what another member proposed to this one as its leader, or drops it when too many wait.
    mutating func add(forwarded data: [[UInt8]], at tick: UInt64) {
        if count + data.count > limits.backlogMax { return }
        keep(data.map { ProposedEntry(tag: 0, data: $0) }, isForwarded: true, at: tick)
    }

    private mutating func keep(_ entries: [ProposedEntry], isForwarded: Bool, at tick: UInt64) {
        count += entries.count
        batches.append(Batch(entries: entries, isForwarded: isForwarded, arrival: tick))
    }

    /// Takes everything out, oldest first.
    mutating func take() -> [Batch] {
        let taken = batches
        batches.removeAll()
        count = 0
        return taken
    }

    /// Refuses what has waited too long: its client has given up.
    mutating func expire(at tick: UInt64, refused: inout [Refusal]) {
        while let oldest = batches.first, tick - oldest.arrival >= limits.backlogTicksMax {
            for entry in oldest.entries where !oldest.isForwarded {
                refused.append(Refusal(tag: entry.tag, reason: .dropped(.noLeader)))
            }
            count -= oldest.entries.count
            batches.removeFirst()
        }
    }
}
