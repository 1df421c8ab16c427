import Raft

/// The hashes of all members at the revision of one compaction, as they come in.
final class CompactionPoll {
    /// What the poll says once everybody has answered or failed to.
    struct Verdict: Equatable {
        /// Who gets the alarm: the members beside a majority, or member 0 where there is none.
        var suspects: [MemberID]
        /// Everybody answered for this compaction: it need not be looked at again.
        var isFinal: Bool
    }

    private let own: HashAnswer.Hash
    private var voices: [(id: MemberID, hash: UInt32)]
    private var awaited: Int
    private let size: Int

    /// `awaiting`: how many others were asked.
    init(_ own: HashAnswer.Hash, of id: MemberID, awaiting: Int) {
        self.own = own
        voices = [(id, own.hash)]
        awaited = awaiting
        size = awaiting + 1
    }

    /// Takes one answer, nil for none; the verdict with the last one.
    func heard(_ answer: HashAnswer?, from id: MemberID) -> Verdict? {
        awaited -= 1
        if case .hash(let theirs)? = answer, theirs.hashRevision == own.hashRevision,
            theirs.compactRevision == own.compactRevision
        {
            voices.append((id, theirs.hash))
        }
        return awaited == 0 ? verdict : nil
    }

    private var verdict: Verdict {
        let isFinal = voices.count == size
        let counts = Dictionary(voices.map { ($0.hash, 1) }, uniquingKeysWith: +)
        if counts.count == 1 { return Verdict(suspects: [], isFinal: isFinal) }
        guard let right = counts.first(where: { 2 * $0.value > size })?.key else {
            return Verdict(suspects: [MemberID(0)], isFinal: isFinal)
        }
        return Verdict(suspects: voices.filter { $0.hash != right }.map(\.id), isFinal: isFinal)
    }
}
