import Testing

@testable import Raft

/// Raft figure 3: the safety properties, under everything that may happen; and cases of §5.4.
@Suite struct SafetyTests {
    @Test(arguments: 1...15 as ClosedRange<UInt64>)
    func `three members agree whatever happens`(seed: UInt64) {
        var chaos = Chaos(seed: seed, voters: 3)
        chaos.run(1500)
    }

    @Test(arguments: 101...108 as ClosedRange<UInt64>)
    func `five members agree whatever happens`(seed: UInt64) {
        var chaos = Chaos(seed: seed, voters: 5)
        chaos.crashRate = 10
        chaos.run(1500)
    }

    @Test(arguments: 201...215 as ClosedRange<UInt64>)
    func `five members agree while their configuration changes`(seed: UInt64) {
        var chaos = Chaos(seed: seed, voters: 5)
        chaos.changeRate = 25
        chaos.run(1500)
    }

    @Test func `the same seed gives the same run`() {
        var first = Chaos(seed: 77, voters: 3)
        var second = Chaos(seed: 77, voters: 3)
        first.cluster.trace = []
        second.cluster.trace = []
        first.run(400)
        second.run(400)
        #expect(first.cluster.trace == second.cluster.trace)
        #expect(first.cluster.trace?.isEmpty == false)
    }
}
