import Testing

@testable import Net

@Suite struct `Timer queue` {
    private func time(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

    @Test func `timers fire by their time, equal ones in the order they were set`() {
        var queue = TimerQueue()
        var fired: [Int] = []
        for (label, due) in [(0, 30), (1, 10), (2, 20), (3, 10), (4, 30)] as [(Int, Int64)] {
            _ = queue.schedule(at: time(due)) { fired.append(label) }
        }
        #expect(queue.nextDue == time(10))
        while let action = queue.popDue(time(20)) { action() }
        #expect(fired == [1, 3, 2])
        while let action = queue.popDue(time(30)) { action() }
        #expect(fired == [1, 3, 2, 0, 4])
        #expect(queue.nextDue == nil)
    }

    @Test func `a cancelled timer does not fire and its memory goes`() {
        var queue = TimerQueue()
        var fired = 0
        let timers = (0..<1000).map { index in queue.schedule(at: time(Int64(index))) { fired += 1 } }
        for timer in timers where timer != timers[500] { queue.cancel(timer) }
        queue.cancel(timers[3])
        #expect(queue.count == 1)
        #expect(queue.nextDue == time(500))
        while let action = queue.popDue(time(2000)) { action() }
        #expect(fired == 1)
        queue.cancel(timers[500])
    }

    @Test func `any order of scheduling and cancelling fires as a sorted list would`() {
        var seed: UInt64 = 42
        func random(_ bound: UInt64) -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (seed >> 33) % bound
        }
        var queue = TimerQueue()
        var alive: [(due: Int64, label: Int, timer: Timer)] = []
        var fired: [Int] = []
        for label in 0..<2000 {
            let due = Int64(random(500))
            alive.append((due, label, queue.schedule(at: time(due)) { fired.append(label) }))
            if random(3) == 0 { queue.cancel(alive.remove(at: Int(random(UInt64(alive.count)))).timer) }
        }
        while let action = queue.popDue(time(500)) { action() }
        let expected = alive.sorted { ($0.due, $0.label) < ($1.due, $1.label) }.map(\.label)
        #expect(fired == expected)
    }
}
