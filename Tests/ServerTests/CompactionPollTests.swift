import Raft
import Testing

@testable import Server

/// Spec config.md 11, CompactHashCheck: who gets the alarm when members differ at a compaction.
struct CompactionPollTests {
    private func hash(_ value: UInt32, compacted: Int64 = 7) -> HashAnswer {
        .hash(HashAnswer.Hash(revision: 9, hash: value, compactRevision: compacted, hashRevision: 7))
    }

    /// What a leader with hash 1 concludes from these answers of members 2, 3, ….
    private func verdict(_ answers: HashAnswer?...) throws -> CompactionPoll.Verdict {
        guard case .hash(let own) = hash(1) else { preconditionFailure("hash gives a hash") }
        let poll = CompactionPoll(own, of: MemberID(1), awaiting: answers.count)
        for (place, answer) in answers.dropLast().enumerated() {
            #expect(poll.heard(answer, from: MemberID(UInt64(place + 2))) == nil)
        }
        return try #require(poll.heard(answers[answers.count - 1], from: MemberID(UInt64(answers.count + 1))))
    }

    @Test func `members that agree are done with the compaction`() throws {
        #expect(try verdict(hash(1), hash(1)) == .init(suspects: [], isFinal: true))
    }

    @Test func `the minority is suspected, be it the leader itself`() throws {
        #expect(try verdict(hash(1), hash(5)) == .init(suspects: [MemberID(3)], isFinal: true))
        #expect(try verdict(hash(5), hash(5)) == .init(suspects: [MemberID(1)], isFinal: true))
    }

    @Test func `without a majority nobody in particular is suspected`() throws {
        #expect(try verdict(hash(5), hash(6)) == .init(suspects: [MemberID(0)], isFinal: true))
        #expect(try verdict(hash(5)) == .init(suspects: [MemberID(0)], isFinal: true))
        // One of three is silent, and the two others differ.
        #expect(try verdict(hash(5), nil) == .init(suspects: [MemberID(0)], isFinal: false))
    }

    @Test func `who is silent or at another compaction is asked again`() throws {
        #expect(try verdict(hash(1), nil) == .init(suspects: [], isFinal: false))
        #expect(try verdict(hash(1), hash(5, compacted: 8)) == .init(suspects: [], isFinal: false))
    }
}
