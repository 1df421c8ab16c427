import Testing

@testable import Raft

/// Thesis §3.6.2, §4.3: what majorities have agreed on, against a plainer way to say the same.
@Suite struct QuorumTests {
    private func members(_ chance: inout SeededGenerator, _ countMax: UInt64) -> [MemberID] {
        var members: [MemberID] = []
        for _ in 0..<chance.below(countMax + 1) { members.insertOnce(MemberID(1 + chance.below(9))) }
        return members
    }

    /// The median from below of the sorted values.
    private func sortedReached(_ voters: [MemberID], _ values: [UInt64]) -> UInt64? {
        if voters.isEmpty { return nil }
        let sorted = voters.map { values[Int($0.rawValue)] }.sorted(by: >)
        return sorted[voters.count / 2]
    }

    @Test func `a value is reached when a majority has at least it`() {
        var chance = SeededGenerator(seed: 11)
        for _ in 0..<5000 {
            let voters = members(&chance, 7)
            let values = (0..<10).map { _ in chance.below(6) }
            #expect(Quorum.reached(voters) { values[Int($0.rawValue)] } == sortedReached(voters, values))
        }
    }

    @Test func `a joint configuration has reached the lesser of its halves`() {
        var chance = SeededGenerator(seed: 12)
        for _ in 0..<5000 {
            let configuration = ConfigurationState(
                voters: members(&chance, 5), votersOutgoing: members(&chance, 5))
            let values = (0..<10).map { _ in chance.below(6) }
            let halves = [configuration.voters, configuration.votersOutgoing]
                .compactMap { sortedReached($0, values) }
            #expect(Quorum.reached(configuration) { values[Int($0.rawValue)] } == halves.min())
        }
    }

    @Test func `an election is won or lost exactly when no further answer can change it`() {
        var chance = SeededGenerator(seed: 13)
        for _ in 0..<3000 {
            let voters = members(&chance, 5)
            let answers: [Bool?] = (0..<10).map { _ in [nil, true, false][Int(chance.below(3))] }
            func granted(_ missing: Bool) -> Bool {
                let yes = voters.count { answers[Int($0.rawValue)] ?? missing }
                return voters.isEmpty || yes >= voters.count / 2 + 1
            }
            let expected: ElectionResult = granted(false) ? .won : granted(true) ? .pending : .lost
            #expect(Quorum.tally(voters) { answers[Int($0.rawValue)] } == expected)
        }
    }

    @Test func `a joint election needs both halves`() {
        let configuration = ConfigurationState(
            voters: [1, 2, 3].map { MemberID($0) }, votersOutgoing: [3, 4, 5].map { MemberID($0) })
        func tally(_ yes: Set<UInt64>, _ no: Set<UInt64>) -> ElectionResult {
            Quorum.tally(configuration) {
                yes.contains($0.rawValue) ? true : no.contains($0.rawValue) ? false : nil
            }
        }
        #expect(tally([1, 2], []) == .pending)
        #expect(tally([1, 2, 4, 5], []) == .won)
        #expect(tally([1, 3, 4], []) == .won)
        #expect(tally([1, 2, 3], [4, 5]) == .lost)
    }

    @Test func `any two quorums of one configuration share a member`() {
        for count in 1...7 as ClosedRange<UInt64> {
            let voters = (1...count).map { MemberID($0) }
            for first in 0..<(1 << Int(count)) {
                func wins(_ set: Int) -> Bool {
                    Quorum.tally(voters) { set >> Int($0.rawValue - 1) & 1 == 1 } == .won
                }
                if wins(first) { #expect(!wins(~first)) }
            }
        }
    }
}

@Suite struct InflightsTests {
    @Test func `a window of every layout frees what is acknowledged`() {
        for countMax in 1...6 {
            for freed in 0...countMax {
                var window = Inflights(countMax: countMax, bytesMax: 1000)
                var next: UInt64 = 0
                // Wrap the ring a few times.
                for _ in 0..<5 {
                    while !window.isFull {
                        next += 1
                        window.add(last: LogIndex(next), bytes: 10)
                    }
                    #expect(window.count == countMax)
                    window.free(through: LogIndex(next - UInt64(countMax - freed)))
                    #expect(window.count == countMax - freed)
                    #expect(window.bytes == 10 * (countMax - freed))
                    if freed == 0 { window.freeFirst() }
                }
            }
        }
    }

    @Test func `bytes fill a window as well`() {
        var window = Inflights(countMax: 100, bytesMax: 50)
        window.add(last: LogIndex(1), bytes: 49)
        #expect(!window.isFull)
        window.add(last: LogIndex(2), bytes: 49)
        #expect(window.isFull)
        window.removeAll()
        #expect(!window.isFull)
        #expect(window.bytes == 0)
    }
}
