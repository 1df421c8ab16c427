import Testing

@testable import Raft

/// A cluster under everything that may happen, from one seed: lost, repeated, late and overtaking messages,
/// partitions, crashes that lose or tear unfinished writes, slow disks, slow state machines, changes of
/// the configuration, transfers, snapshots. Ends with a calm phase in which it must agree.
struct Chaos {
    var cluster: Cluster
    private var chance: SeededGenerator
    private var late: [(due: Int, message: Message)] = []
    private var now = 0
    private var proposed: UInt64 = 0
    private var token: UInt64 = 0
    let seed: UInt64
    /// How wild it is, in thousandths per step.
    var lossRate: UInt64 = 50
    var doubleRate: UInt64 = 30
    var crashRate: UInt64 = 4
    var changeRate: UInt64 = 0

    init(seed: UInt64, voters: Int) {
        self.seed = seed
        chance = SeededGenerator(seed: seed)
        cluster = Cluster(voters: voters)
        // Small limits, so that windows fill and messages split.
        cluster.limits.messageBytesMax = 200
        cluster.limits.inflightMessagesMax = 3
        cluster.limits.applyingBytesMax = 300
        cluster.start()
    }

    private mutating func happens(_ rate: UInt64) -> Bool { chance.below(1000) < rate }

    private mutating func anybody() -> UInt64 {
        cluster.sites[Int(chance.below(UInt64(cluster.sites.count)))].id.rawValue
    }

    /// Runs `steps` wild steps, then the calm ones.
    mutating func run(_ steps: Int) {
        for step in 0..<steps {
            now += 1
            wildStep()
            if step % 64 == 0 { cluster.checker.checkLogs(cluster.sites) }
        }
        calmDown()
    }

    private mutating func wildStep() {
        for site in cluster.sites {
            let id = site.id.rawValue
            if happens(300) { cluster.tick(id) }
            if happens(500) { _ = cluster.persist(id) }
            if happens(400) { _ = cluster.apply(id) }
            if site.node == nil, happens(30) { restart(id) }
        }
        if happens(400) { propose() }
        if happens(150) { read() }
        if happens(crashRate) { crash(anybody()) }
        if happens(4) { cluster.cut(anybody(), anybody()) }
        if happens(3) { cluster.isolate(anybody()) }
        if happens(2) { cluster.cuts.insert([anybody(), anybody()]) }
        if happens(8) { cluster.heal() }
        if happens(4) { cluster.transfer(anybody(), to: anybody()) }
        if happens(10) { cluster.compact(anybody(), keeping: chance.below(8)) }
        if happens(5) {
            let member = MemberID(anybody())
            cluster.call(anybody()) { $0.unreachable(member, into: &$1) }
        }
        if happens(changeRate) { changeSomething() }
        carry()
    }

    private mutating func propose() {
        proposed += 1
        cluster.propose(anybody(), "\(proposed)")
    }

    private mutating func read() {
        token += 1
        cluster.read(anybody(), token: token)
    }

    private mutating func crash(_ id: UInt64) {
        let place = cluster.place(id)
        guard cluster.sites[place].node != nil else { return }
        let writes = UInt64(cluster.sites[place].writing.count)
        cluster.sites[place].crash(
            finished: Int(chance.below(writes + 1)), torn: Int(chance.below(4)))
    }

    private mutating func restart(_ id: UInt64) {
        // Another boot, another seed.
        cluster.sites[cluster.place(id)].seed = chance.next()
        cluster.start(id)
    }

    private mutating func changeSomething() {
        let kinds: [ConfigurationChange.Kind] = [.addNode, .addNode, .removeNode, .addLearnerNode]
        var steps: [ConfigurationChange.Step] = []
        for _ in 0..<(1 + chance.below(3)) {
            let kind = kinds[Int(chance.below(4))]
            steps.append(ConfigurationChange.Step(kind, MemberID(anybody())))
        }
        var change = ConfigurationChange(steps: steps)
        if happens(200) { change.transition = .jointExplicit }
        if happens(300) { change = .leaveJoint }
        cluster.change(anybody(), change)
    }

    /// Messages that left are lost, doubled, delayed; what is due arrives.
    private mutating func carry() {
        for message in cluster.network {
            if happens(lossRate) {
                cluster.lose(message)
                continue
            }
            late.append((now + Int(chance.below(6)), message))
            if happens(doubleRate) { late.append((now + Int(chance.below(40)), message)) }
        }
        cluster.network = []
        let due = late.filter { $0.due <= now }
        late.removeAll { $0.due <= now }
        for (_, message) in due { cluster.arrive(message) }
    }

    /// Everybody is up, connected and quick: one leader, equal logs, everything committed applied.
    private mutating func calmDown() {
        cluster.heal()
        for site in cluster.sites where site.node == nil { restart(site.id.rawValue) }
        for (_, message) in late { cluster.lose(message) }
        late = []
        for _ in 0..<60 { cluster.pass(1) }
        cluster.checker.checkLogs(cluster.sites)
        let leaders = cluster.sites.filter { site in
            site.node.map { $0.role == .leader } ?? false
        }
        guard let leader = leaders.max(by: { ($0.node?.term.rawValue ?? 0) < ($1.node?.term.rawValue ?? 0) }),
            let leading = leader.node
        else {
            Issue.record("seed \(seed): no leader after the calm")
            return
        }
        #expect(leading.log.committed == leading.log.last, "seed \(seed)")
        for member in leading.configuration.members {
            let site = cluster.sites[cluster.place(member.rawValue)]
            #expect(site.applied == leader.applied, "seed \(seed): member \(member.rawValue) lags")
        }
    }
}
