import Net
import Testing

@testable import Server

@Suite struct AutoCompactorTests {
    let start = MonotonicTime(nanoseconds: 0)

    /// Looks every `step` for `count` steps, one revision written per step; the compactions made.
    private func run(
        _ mode: AutoCompactor.Mode, step: Duration, count: Int, isLeader: (Int) -> Bool = { _ in true }
    ) -> [(step: Int, revision: Int64)] {
        var compactor = AutoCompactor(mode: mode, now: start)
        var made: [(Int, Int64)] = []
        for number in 1...count {
            let now = start + step * number
            let revision = Int64(number)
            if let target = compactor.due(at: now, revision: revision, isLeader: isLeader(number)) {
                made.append((number, target))
                compactor.finished(at: now, succeeded: true)
            }
        }
        return made
    }

    @Test func `periodic mode waits a whole period and then keeps exactly that much`() {
        let made = run(.periodic(.seconds(3600)), step: .seconds(360), count: 40)
        #expect(made.map(\.step) == [11, 21, 31])
        #expect(made.map(\.revision) == [1, 11, 21])
    }

    @Test func `a period above an hour is looked at every hour`() {
        let made = run(.periodic(.seconds(2 * 3600)), step: .seconds(360), count: 60)
        #expect(made.map(\.step) == [21, 31, 41, 51])
        #expect(made.map(\.revision) == [1, 11, 21, 31])
    }

    @Test func `revision mode keeps that many revisions every five minutes`() {
        let made = run(.revision(10), step: .seconds(60), count: 31)
        #expect(made.map(\.step) == [15, 20, 25, 30])
        #expect(made.map(\.revision) == [5, 10, 15, 20])
    }

    @Test func `a member that does not lead never compacts, and starts anew when it leads`() {
        let idle = run(.periodic(.seconds(3600)), step: .seconds(360), count: 40, isLeader: { _ in false })
        #expect(idle.isEmpty)
        let made = run(.periodic(.seconds(3600)), step: .seconds(360), count: 40, isLeader: { $0 > 20 })
        #expect(made.map(\.step) == [31])
    }

    @Test func `a failure is tried again at the next look, an unchanged revision is not`() {
        var compactor = AutoCompactor(mode: .revision(5), now: start)
        #expect(compactor.due(at: start + .seconds(300), revision: 20, isLeader: true) == 15)
        compactor.finished(at: start + .seconds(300), succeeded: false)
        #expect(compactor.due(at: start + .seconds(600), revision: 20, isLeader: true) == 15)
        compactor.finished(at: start + .seconds(600), succeeded: true)
        #expect(compactor.due(at: start + .seconds(900), revision: 20, isLeader: true) == nil)
    }

    @Test func `one that keeps little is asked as often as it wants`() throws {
        var compactor = AutoCompactor(mode: .periodic(.seconds(1)), now: start)
        var now = start
        var kept: [Int64] = []
        while now < start + .seconds(20) {
            now = now + HousekeeperThread.rest(until: compactor.next, at: now)
            let milliseconds = now.nanoseconds / 1_000_000
            if let target = compactor.due(at: now, revision: milliseconds, isLeader: true) {
                kept.append(milliseconds - target)
                compactor.finished(at: now, succeeded: true)
            }
        }
        #expect(kept.count == 20)
        #expect(kept.allSatisfy { $0 == 1000 })
    }

    @Test func `where nothing is compacted by itself nobody is woken for it`() {
        let compactor = AutoCompactor(mode: .off, now: start)
        #expect(compactor.next == nil)
        #expect(HousekeeperThread.rest(until: nil, at: start) == .milliseconds(500))
        // One that could not be asked in time.
        #expect(HousekeeperThread.rest(until: start, at: start + .seconds(1)) == .milliseconds(20))
    }
}
