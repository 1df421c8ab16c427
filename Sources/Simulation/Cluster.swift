import MVCC
import Raft
import Replication
import Store

/// A whole cluster with its clients and tormentors on one thread, from one seed.
///
/// `run` takes one event after the other from the queue; nothing else makes anything happen. Everything
/// drawn comes from the seed, nothing iterates over unordered collections, and there is no clock but `now`:
/// so a run is a function of the code and the seed.
final class Cluster {
    let scenario: Scenario
    let directory: ScratchDirectory
    let referee: Referee
    var queue = EventQueue()
    private(set) var now = Moment.start
    var network: Network
    var members: [Member] = []
    var clients: [Client] = []
    var watchers: [Watching] = []
    var tormentor: Tormentor
    /// Where the scenario has one.
    var chase: LeaderChase?
    var operating: Operator
    var steadiness = SteadinessChecker()
    private(set) var phase = Phase.beginning
    var trace: Trace
    private var chance: Chance
    private var placeOfMember: [MemberID: Int] = [:]

    init(_ scenario: Scenario, trace: Trace) throws {
        self.scenario = scenario
        self.trace = trace
        directory = try ScratchDirectory()
        var chance = Chance(seed: scenario.seed ^ 0x5151_5151_5151_5151)
        let leases = LeaseChecker(
            skewPermille: 2 * scenario.skewPermille, electionTimeout: scenario.electionTimeout)
        referee = Referee(keys: scenario.keys, minimumTTL: scenario.minimumTTL, leases: leases)
        network = Network(scenario, chance: chance.fork())
        tormentor = Tormentor(scenario, chance: chance.fork())
        operating = Operator(chance: chance.fork())
        let memberChance = chance.fork()
        let clientChance = chance.fork()
        self.chance = chance.fork()
        if scenario.chasesLeaders { chase = LeaderChase(scenario, chance: chance.fork()) }
        try found(memberChance)
        invite(clientChance)
        plan()
    }

    private func found(_ chance: Chance) throws {
        var chance = chance
        for _ in 0..<scenario.voters { _ = try addMember(isFounder: true, chance.fork()) }
        for (place, founder) in founders.enumerated() {
            let change = Operation.change(.add(Member.record(of: place)))
            precondition(founder.id == Member.id(of: place))
            referee.proposed(UInt64(place + 1), change, call: nil)
        }
        operating.memberChance = chance.fork()
    }

    private func invite(_ chance: Chance) {
        var chance = chance
        for number in 0..<scenario.clients {
            clients.append(Client(number: number, scenario: scenario, chance: chance.fork()))
        }
        for number in 0..<scenario.watchers {
            watchers.append(Watching(number: number, scenario: scenario, chance: chance.fork()))
        }
    }

    private func plan() {
        for place in members.indices { queue.add(.start(member: place), at: Moment(UInt64(place) * 1000)) }
        let wild = Moment(3_000_000)
        for client in clients.indices {
            queue.add(.clientActs(client), at: Moment(100_000 + UInt64(client) * 777))
            queue.add(.clientLooks(client), at: Moment(500_000 + UInt64(client)))
        }
        for watcher in watchers.indices { queue.add(.watcherActs(watcher), at: Moment(200_000)) }
        queue.add(.phase(.wild), at: wild)
        queue.add(.phase(.calm), at: wild + scenario.wildTime)
        let quiet = wild + scenario.wildTime + scenario.calmTime
        queue.add(.phase(.quiet), at: quiet)
        end = referee.leases.end(from: quiet, longest: scenario.ttlMax) + 3_000_000
    }

    private var end = Moment.start

    /// The configuration changes every founder begins its log with.
    lazy var founders: [Node.BootstrapMember] = (0..<scenario.voters).map { place in
        let change = MembershipChange.add(Member.record(of: place))
        return Node.BootstrapMember(
            id: Member.id(of: place), data: change.proposal(id: UInt64(place + 1)).data)
    }

    func addMember(isFounder: Bool, _ chance: Chance) throws -> Member {
        let member = try Member(
            place: members.count, cluster: self, isFounder: isFounder, chance: chance)
        members.append(member)
        placeOfMember[member.id] = member.place
        return member
    }

    func member(_ id: MemberID) -> Member? { placeOfMember[id].map { members[$0] } }

    /// Says something for people who read the trace.
    func note(_ text: @autoclosure () -> String) { trace.note(now, text()) }

    // Running.

    /// Runs to the end, or to the first thing that cannot be right.
    func run() -> RunReport {
        var events = 0
        while referee.violation == nil, let (at, event) = queue.next() {
            if at > end { break }
            now = at
            referee.now = at
            if take(event) { events += 1 }
        }
        if referee.violation == nil { checkEnd() }
        note("events by kind: \(trace.counts)")
        return RunReport(
            seed: scenario.seed, events: events, simulated: now, trace: trace.hash, referee: referee)
    }

    /// Does one event; false when it meant nothing to anybody any more.
    private func take(_ event: Event) -> Bool {
        switch event {
        case .message(let message): return deliver(message)
        case .tick(let boot):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 1, boot.member, running.replica.status.term.rawValue)
            member.plan(.tick(boot), in: member.tickInterval)
            member.handle(.tick, in: running)
        case .written(let boot):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 2, boot.member, running.writing?.sequence.rawValue ?? 0)
            member.finishWrite(running)
        case .apply(let boot):
            guard let (member, running) = living(boot) else { return false }
            member.apply(running)
            trace.event(now, 3, boot.member, running.machine.consistentIndex.rawValue)
        case .flush(let boot):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 4, boot.member, UInt64(running.keyspace.currentRevision))
            member.flush(running)
        default: return takeRare(event)
        }
        return true
    }

    private func takeRare(_ event: Event) -> Bool {
        switch event {
        case .snapshot(let boot):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 5, boot.member, 0)
            member.takeSnapshot(running)
        case .housekeeping(let boot):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 6, boot.member, 0)
            member.keepHouse(running)
        case .expire(let boot, let term, let leases):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 13, boot.member, UInt64(leases.count))
            member.expire(leases, in: term, running)
        case .showWatchers(let boot):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 7, boot.member, UInt64(running.keyspace.currentRevision))
            member.showWatchers(running)
        case .snapshotArrives(let stream): return deliver(stream)
        case .snapshotSent(let boot, let to, let hasArrived):
            guard let (member, running) = living(boot) else { return false }
            trace.event(now, 8, boot.member, hasArrived ? 1 : 0)
            member.handle(.snapshotSent(to: to, hasArrived: hasArrived), in: running)
        case .request(let request): deliver(request)
        case .answer(let client, let call, let answer):
            return clients[client].hear(answer, call: call, in: self)
        case .clientActs(let client): return clients[client].act(in: self)
        case .clientLooks(let client): return clients[client].look(in: self)
        case .watcherActs(let watcher): return watchers[watcher].act(in: self)
        case .torment: tormentor.act(on: self)
        case .chase(let turn):
            guard turn == chase?.turn else { return false }
            chase?.act(on: self)
        case .operatorActs: operating.act(on: self)
        case .leave(let boot):
            guard let (member, _) = living(boot) else { return false }
            operating.retire(member)
        case .crash(let boot):
            guard let (member, _) = living(boot) else { return false }
            member.die(.powerless)
            startLater(member)
        case .start(let place):
            let member = members[place]
            if member.running != nil || member.isRetired || member.isWaiting || member.isHeld { return false }
            trace.event(now, 9, place, UInt64(member.boots))
            if !member.start() { startLater(member) }
        case .phase(let phase): enter(phase)
        case .message, .tick, .written, .apply, .flush: preconditionFailure("taken before")
        }
        return true
    }

    private func living(_ boot: BootID) -> (Member, Running)? {
        let member = members[boot.member]
        return member.lives(boot).map { (member, $0) }
    }

    private func enter(_ phase: Phase) {
        self.phase = phase
        note("phase \(phase)")
        switch phase {
        case .beginning: break
        case .wild:
            queue.add(.torment, at: now)
            queue.add(.chase(turn: 0), at: now)
            if scenario.changeInterval > 0 { queue.add(.operatorActs, at: now + 500_000) }
        case .calm:
            network.heal()
            operating.startAdded(self)
            operating.retireRemoved(self)
            for member in members {
                member.slowUntil = .start
                member.isHeld = false
                member.disk.arm(.none)
                if member.running == nil, !member.isWaiting, !member.isRetired {
                    queue.add(.start(member: member.place), at: now)
                }
            }
        case .quiet:
            operating.startAdded(self)
            operating.retireRemoved(self)
            queue.add(.phase(.returning), at: now + 2_000_000)
        case .returning:
            operating.retireRemoved(self)
            steadiness.begin(self)
            queue.add(.phase(.returned), at: now + 4 * scenario.electionTimeout)
        case .returned:
            operating.retireRemoved(self)
            network.heal()
        }
    }

    func startLater(_ member: Member) {
        let isQuick = phase.isCalm || chance.happens(400)
        let delay = isQuick ? chance.between(1_000, 100_000) : chance.between(100_000, 3_000_000)
        queue.add(.start(member: member.place), at: now + delay)
    }

    // Carrying.

    func send(_ message: Message, from member: Member) {
        guard let to = placeOfMember[message.to] else { return }
        let isCalm = phase.isCalm
        let arrivals = network.arrivals(
            from: member.place, to: to, mayRepeat: message.payload.mayRepeat, isCalm: isCalm, at: now)
        for moment in arrivals { queue.add(.message(message), at: moment) }
    }

    private func deliver(_ message: Message) -> Bool {
        guard let place = placeOfMember[message.to], let running = members[place].running else {
            return false
        }
        trace.event(now, 10, place, message.from.rawValue ^ message.term.rawValue << 32)
        trace.detail(now, message)
        members[place].handle(.message(message), in: running)
        return true
    }

    private func deliver(_ stream: SnapshotStream) -> Bool {
        guard let to = placeOfMember[stream.message.to] else { return false }
        trace.event(now, 11, to, stream.metadata.id.index.rawValue)
        var hasArrived = false
        if network.reaches(from: stream.sender.member, to: to), let running = members[to].running {
            hasArrived = members[to].receive(stream, running)
        }
        queue.add(
            .snapshotSent(stream.sender, to: stream.message.to, hasArrived: hasArrived),
            at: now + chance.between(100, 50_000))
        return true
    }

    private func deliver(_ request: Request) {
        trace.event(now, 12, request.member, UInt64(request.call))
        let member = members[request.member]
        if let running = member.running {
            member.take(request, in: running)
        } else if let client = request.client {
            answer(client, request.call, .dropped, after: 200)
        }
    }

    func answer(_ client: Int, _ call: Int, _ answer: Answer, after delay: UInt64) {
        queue.add(.answer(client: client, call: call, answer), at: now + delay)
    }

    /// A keep-alive handed on to the leader, if there is one that can be reached.
    func forward(lease: Int64, for waiter: Running.Waiter, to leader: MemberID?, from member: Member) {
        guard let leader, let to = placeOfMember[leader], to != member.place,
            network.reaches(from: member.place, to: to)
        else { return answer(waiter.client, waiter.call, .unknown, after: 5_000) }
        let request = Request(
            client: waiter.client, call: waiter.call, member: to, operation: .keepAlive(lease: lease))
        queue.add(.request(request), at: now + chance.between(200, 5_000))
    }

    func connectionsBreak(to member: Member) {
        for watcher in watchers.indices { watchers[watcher].connectionBroke(to: member) }
    }
}
