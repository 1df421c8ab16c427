import MVCC

/// A client that watches a range for the whole run, wherever it is connected, and resumes behind what it saw.
struct Watching {
    let number: Int
    private let scenario: Scenario
    private var chance: Chance
    private(set) var checker: WatchChecker
    /// The start it is connected to, and its watcher there.
    private var connection: (boot: BootID, watcher: WatcherID)?
    private(set) var connections = 0

    init(number: Int, scenario: Scenario, chance: Chance) {
        self.number = number
        self.scenario = scenario
        self.chance = chance
        let first = self.chance.below(scenario.keys)
        let isWide = self.chance.happens(600)
        let span =
            isWide ? Operation.KeySpan(first: 0, end: scenario.keys) : Operation.KeySpan(first: first)
        checker = WatchChecker(span: span, first: 1)
    }

    /// Connects where it is not; now and then breaks off and goes elsewhere.
    mutating func act(in cluster: Cluster) -> Bool {
        cluster.queue.add(.watcherActs(number), at: cluster.now + chance.between(20_000, 800_000))
        if let connection {
            guard let running = cluster.members[connection.boot.member].lives(connection.boot) else {
                self.connection = nil
                return true
            }
            let isCalm = cluster.phase.isCalm
            let isRetired = cluster.members[connection.boot.member].isRetired
            guard isRetired || (!isCalm && chance.happens(100)) else { return false }
            disconnect(from: running)
        }
        connect(in: cluster)
        return true
    }

    private mutating func connect(in cluster: Cluster) {
        let usable = cluster.members.filter { !$0.isRetired && $0.running != nil }
        guard !usable.isEmpty else { return }
        let member = chance.pick(usable)
        guard let running = member.running else { return }
        let span = checker.span
        let range = KeyRange(key: Key.bytes(span.first), rangeEnd: span.end.map(Key.bytes) ?? [])
        let options = WatchOptions(range: range, startRevision: checker.next)
        let watcher = running.hub.create(options).watcher
        running.screen.clients[watcher] = number
        connection = (running.boot, watcher)
        connections += 1
        cluster.trace.event(cluster.now, 30, number, UInt64(bitPattern: checker.next))
        cluster.note("watcher \(number) at member \(member.place) from \(checker.next)")
        member.showLater(running)
    }

    /// The connections of a member broke; whoever lives forgets the watcher.
    mutating func connectionBroke(to member: Member) {
        guard let connection, connection.boot.member == member.place else { return }
        if let running = member.lives(connection.boot) { disconnect(from: running) }
        self.connection = nil
    }

    private mutating func disconnect(from running: Running) {
        guard let watcher = connection?.watcher else { return }
        running.hub.cancel(watcher)
        running.screen.clients[watcher] = nil
        connection = nil
    }

    /// Takes events; false when there is no room for them.
    mutating func see(_ events: [WatchChecker.Seen], in cluster: Cluster) -> Bool {
        let isCalm = cluster.phase.isCalm
        if !isCalm, chance.happens(scenario.blockedWatchPermille) { return false }
        if let verdict = checker.verdict(on: events, model: cluster.referee.model) {
            cluster.referee.fail("watcher \(number) \(verdict)")
        }
        checker.endDelivery()
        cluster.trace.event(cluster.now, 31, number, UInt64(bitPattern: checker.next))
        return true
    }

    mutating func end(compactRevision: Int64, in cluster: Cluster) {
        connection = nil
        cluster.note("watcher \(number) is cancelled, compacted at \(compactRevision)")
        if let verdict = checker.compacted(at: compactRevision, model: cluster.referee.model) {
            cluster.referee.fail("watcher \(number) \(verdict)")
        }
    }

    mutating func isComplete(in model: Model) -> Bool { checker.isComplete(in: model) }
}
