import Raft

/// Readers, gathered so that one ReadIndex round serves all that wait (spec/raft.md 4).
///
/// One batch is out at a time; those who come meanwhile form the next. A batch unanswered for some ticks,
/// or whose leader has changed, is asked for again under a new id: a later index is as good. Unlike etcd,
/// a leader change alone does not fail a reader. An answer to any id of the batch serves it; other answers
/// are old and ignored.
struct ReadBatches {
    private struct Reader {
        var token: UInt64
        var arrival: UInt64
    }

    /// Who was asked; the same member in another term has forgotten the question.
    struct Leadership: Equatable {
        var leader: MemberID
        var term: Term
    }

    private let limits: Replica.Limits
    private var ids: SeededGenerator
    private var waiting: [Reader] = []
    /// Readers served by an answer to any of `asked`.
    private var batch: [Reader] = []
    private var asked: [UInt64] = []
    private var askedAt: UInt64 = 0
    private var askedOf: Leadership?
    private var now: UInt64 = 0

    init(seed: UInt64, limits: Replica.Limits) {
        ids = SeededGenerator(seed: seed)
        self.limits = limits
    }

    mutating func ask(_ token: UInt64, refused: inout [UInt64]) {
        if waiting.count + batch.count < limits.readersMax {
            waiting.append(Reader(token: token, arrival: now))
        } else {
            refused.append(token)
        }
    }

    /// The id of the round to ask for now, nil when none is needed.
    mutating func nextRound(leader: Leadership, at tick: UInt64) -> UInt64? {
        if batch.isEmpty {
            if waiting.isEmpty { return nil }
            swap(&batch, &waiting)
            asked.removeAll(keepingCapacity: true)
        } else {
            // Nobody joins a batch that was asked for already:
            // 1. The batch is asked for as id 1; a reader joins, and it is asked for again as id 2.
            // 2. The answer to id 1 comes: an index from before that reader came.
            let isLost = leader != askedOf || asked.isEmpty || tick - askedAt >= limits.readRetryTicks
            if !isLost { return nil }
        }
        askedAt = tick
        askedOf = leader
        let id = ids.next()
        asked.append(id)
        return id
    }

    /// Serves the batch from raft's answers, and takes them out.
    mutating func receive(
        _ answers: inout [ReadState], dropped: inout [UInt64], into readable: inout [ReadState]
    ) {
        if !answers.isEmpty {
            for answer in answers where asked.contains(answer.token) {
                for reader in batch { readable.append(ReadState(token: reader.token, index: answer.index)) }
                batch.removeAll(keepingCapacity: true)
                asked.removeAll(keepingCapacity: true)
            }
            answers.removeAll(keepingCapacity: true)
        }
        // A round that raft gave up is asked for again as soon as a leader is known.
        if !dropped.isEmpty {
            asked.removeAll { dropped.contains($0) }
            dropped.removeAll(keepingCapacity: true)
        }
    }

    /// Drops readers that have waited too long.
    mutating func expire(at tick: UInt64, dropped: inout [UInt64]) {
        now = tick
        for reader in batch + waiting where tick - reader.arrival >= limits.readTicksMax {
            dropped.append(reader.token)
        }
        batch.removeAll { tick - $0.arrival >= limits.readTicksMax }
        waiting.removeAll { tick - $0.arrival >= limits.readTicksMax }
        if batch.isEmpty { asked.removeAll(keepingCapacity: true) }
    }
}
