import Journal
import Raft
import Testing

@testable import Simulation

@Suite struct EdgeTests {
    @Test func `events come by time, and in the order of planning where the time is the same`() {
        var queue = EventQueue()
        var chance = Chance(seed: 3)
        var planned: [(at: UInt64, client: Int)] = []
        for client in 0..<500 {
            let at = chance.between(0, 40)
            planned.append((at, client))
            queue.add(.clientActs(client), at: Moment(at))
        }
        let expected = planned.sorted { ($0.at, $0.client) < ($1.at, $1.client) }.map(\.client)
        var taken: [Int] = []
        while let (_, event) = queue.next() {
            if case .clientActs(let client) = event { taken.append(client) }
        }
        #expect(taken == expected)
    }

    @Test func `after a power cut each unsynced sector is old or new, and synced ones are there`() throws {
        let size = 4 * 512
        var outcomes: Set<[UInt8]> = []
        for seed: UInt64 in 0..<64 {
            let disk = SimulatedDisk()
            let file = try disk.open("/f", .create(permissions: 0o600))
            try unsafe disk.write(file, at: 0, [UInt8](repeating: 1, count: size).span.bytes)
            try disk.sync(file)
            try disk.syncDirectory("/")
            try unsafe disk.write(file, at: 512, [UInt8](repeating: 2, count: 1024).span.bytes)
            let after = disk.afterCrash(seed: seed)
            var bytes: [UInt8] = []
            let left = try after.open("/f", .read)
            after.read(left, at: 0, count: size, into: &bytes)
            try #require(bytes.count == size)
            let sectors = (0..<4).map { Array(bytes[$0 * 512..<($0 + 1) * 512]) }
            for sector in sectors { #expect(Set(sector).count == 1, "seed \(seed): half a sector") }
            outcomes.insert(sectors.map { $0[0] })
        }
        #expect(outcomes == [[1, 1, 1, 1], [1, 2, 1, 1], [1, 1, 2, 1], [1, 2, 2, 1]])
    }

    @Test func `what was cut off and not synced may be there again`() throws {
        var sizes: Set<Int> = []
        for seed: UInt64 in 0..<64 {
            let disk = SimulatedDisk()
            let file = try disk.open("/f", .create(permissions: 0o600))
            try unsafe disk.write(file, at: 0, [UInt8](repeating: 1, count: 1500).span.bytes)
            try disk.sync(file)
            try disk.syncDirectory("/")
            try disk.truncate(file, size: 700)
            let after = disk.afterCrash(seed: seed)
            var bytes: [UInt8] = []
            after.read(try after.open("/f", .read), at: 0, count: 2000, into: &bytes)
            sizes.insert(bytes.count)
            #expect(bytes.prefix(700).allSatisfy { $0 == 1 }, "seed \(seed)")
        }
        #expect(sizes == [700, 1500])
    }

    @Test func `ordered links let no message overtake another`() {
        var scenario = Scenario(seed: 1)
        (scenario.isOrdered, scenario.lossPermille, scenario.duplicatePermille) = (true, 0, 0)
        (scenario.delayMax, scenario.latePermille) = (50_000, 300)
        var network = Network(scenario, chance: Chance(seed: 2))
        var last = Moment.start
        for sent: UInt64 in 0..<1000 {
            let arrivals = network.arrivals(
                from: 0, to: 1, mayRepeat: true, isCalm: false, at: Moment(sent * 100))
            #expect(arrivals.count == 1 && arrivals[0] >= last)
            last = arrivals[0]
        }
    }

    @Test func `a cut link carries nothing, and only in its direction`() {
        var network = Network(Scenario(seed: 1), chance: Chance(seed: 2))
        network.cut(from: 0, to: 1)
        #expect(network.arrivals(from: 0, to: 1, mayRepeat: true, isCalm: true, at: .start).isEmpty)
        #expect(!network.arrivals(from: 1, to: 0, mayRepeat: true, isCalm: true, at: .start).isEmpty)
        network.heal()
        #expect(network.isWhole)
    }
}
