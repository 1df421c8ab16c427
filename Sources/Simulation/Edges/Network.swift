import Raft

/// The links between members: which are cut, and what becomes of a message.
struct Network {
    private let scenario: Scenario
    private var chance: Chance
    /// [from][to]
    private var isCut: [[Bool]]
    /// [from][to]: when the last message arrives, where messages do not overtake each other.
    private var lastArrival: [[Moment]]

    init(_ scenario: Scenario, chance: Chance) {
        self.scenario = scenario
        self.chance = chance
        isCut = Array(
            repeating: Array(repeating: false, count: scenario.membersMax), count: scenario.membersMax)
        lastArrival = Array(
            repeating: Array(repeating: .start, count: scenario.membersMax), count: scenario.membersMax)
    }

    var isWhole: Bool { isCut.allSatisfy { !$0.contains(true) } }

    mutating func cut(from: Int, to: Int) { isCut[from][to] = true }

    mutating func isolate(_ member: Int) {
        for other in isCut.indices where other != member {
            isCut[member][other] = true
            isCut[other][member] = true
        }
    }

    /// Nobody of `part` hears anybody outside, nor the other way round.
    mutating func split(_ part: [Int]) {
        for inside in part {
            for outside in isCut.indices where !part.contains(outside) {
                isCut[inside][outside] = true
                isCut[outside][inside] = true
            }
        }
    }

    mutating func heal() {
        for from in isCut.indices { for to in isCut.indices { isCut[from][to] = false } }
    }

    func reaches(from: Int, to: Int) -> Bool { !isCut[from][to] }

    /// When copies of a message arrive; none: it is lost.
    ///
    /// What nobody would send a second time comes at most once: peers speak over streams, which do not
    /// repeat, so a forwarded proposal that came twice would be two writes.
    mutating func arrivals(
        from: Int, to: Int, mayRepeat: Bool, isCalm: Bool, at now: Moment
    ) -> [Moment] {
        guard !isCut[from][to] else { return [] }
        if isCalm { return [now + chance.between(scenario.delayMin, 500)] }
        if chance.happens(scenario.lossPermille) { return [] }
        var arrivals = [now + delay()]
        if scenario.isOrdered {
            arrivals[0] = max(arrivals[0], lastArrival[from][to])
            lastArrival[from][to] = arrivals[0]
        }
        if mayRepeat, chance.happens(scenario.duplicatePermille) { arrivals.append(now + delay()) }
        return arrivals
    }

    private mutating func delay() -> UInt64 {
        let late = chance.happens(scenario.latePermille) ? chance.between(0, scenario.lateMax) : 0
        return late + chance.skewed(scenario.delayMin, scenario.delayMax)
    }
}

extension Message.Payload {
    /// Whether the network may bring it twice.
    var mayRepeat: Bool {
        switch self {
        case .proposal, .configurationProposal: false
        default: true
        }
    }
}
