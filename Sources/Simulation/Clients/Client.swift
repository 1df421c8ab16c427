/// A client that makes one call after the other and keeps to what etcd's clients do: no call is repeated
/// under the same identity, an answer that does not come leaves the outcome unknown.
struct Client {
    private struct Call {
        var number: Int
        var operation: Operation
        var member: Int
        var began: Moment
        var horizon: CallChecker.Horizon
        /// The request it became; nil for reads, and before it reached a member.
        var request: UInt64?
    }

    let number: Int
    private let scenario: Scenario
    private var workload: Workload
    private var chance: Chance
    private var call: Call?
    private var calls = 0
    private var member = 0
    /// Calls that got an answer since the calm began.
    private(set) var answeredInCalm = 0

    static let timeout: UInt64 = 3_000_000

    init(number: Int, scenario: Scenario, chance: Chance) {
        self.number = number
        self.scenario = scenario
        self.chance = chance
        workload = Workload(client: number, scenario: scenario, chance: self.chance.fork())
        member = self.chance.below(scenario.voters)
    }

    /// Begins the next call.
    mutating func act(in cluster: Cluster) -> Bool {
        guard call == nil, cluster.phase == .calm || !cluster.phase.isCalm else { return false }
        calls += 1
        let operation = workload.next(in: cluster)
        if chance.happens(50) { changeMember(in: cluster) }
        call = Call(
            number: calls, operation: operation, member: member, began: cluster.now,
            horizon: cluster.referee.calls.horizon)
        cluster.trace.event(cluster.now, 20, number, UInt64(calls))
        cluster.note("client \(number) call \(calls) to \(member): \(operation)")
        let request = Request(client: number, call: calls, member: member, operation: operation)
        cluster.queue.add(.request(request), at: cluster.now + chance.between(50, 2_000))
        return true
    }

    private mutating func changeMember(in cluster: Cluster) {
        let usable = cluster.members.filter { !$0.isRetired }.map(\.place)
        member = chance.pick(usable)
    }

    /// A member has made a request of the call.
    mutating func proposed(_ request: UInt64, call number: Int) {
        if call?.number == number { call?.request = request }
    }

    /// Hears an answer; false when it comes too late to mean anything.
    mutating func hear(_ answer: Answer, call number: Int, in cluster: Cluster) -> Bool {
        guard let call, call.number == number else { return false }
        cluster.trace.event(cluster.now, 21, self.number, UInt64(bitPattern: answer.revision ?? 0))
        cluster.note("client \(self.number) call \(number) hears \(answer)")
        self.call = nil
        let verdict = judge(answer, call, cluster.referee)
        if let verdict {
            cluster.referee.fail("client \(self.number) call \(number) \(call.operation) \(verdict)")
        }
        workload.finished(call.operation, answer)
        if answer == .unknown || answer == .dropped || chance.happens(20) {
            changeMember(in: cluster)
        } else if cluster.phase == .calm {
            answeredInCalm += 1
        }
        let rest = cluster.phase.isCalm ? 8 * scenario.thinkTime : scenario.thinkTime
        let pause = answer == .dropped ? 50_000 : chance.skewed(100, rest)
        cluster.queue.add(.clientActs(self.number), at: cluster.now + pause)
        return true
    }

    private func judge(_ answer: Answer, _ call: Call, _ referee: Referee) -> String? {
        switch call.operation {
        case .range(let query):
            return referee.calls.verdict(
                on: answer, to: query, begunAt: call.horizon, model: referee.model)
        case .keepAlive(let lease):
            if case .renewed(let ttl) = answer { referee.leases.given(lease, ttl: ttl, asked: call.began) }
            return nil
        default:
            if case .granted(_, let ttl) = answer, case .grant(let lease, _) = call.operation {
                referee.leases.given(lease, ttl: ttl, asked: call.began)
            }
            let proposal = call.request.flatMap { referee.proposals[$0] }
            return referee.calls.verdict(on: answer, to: proposal, begunAt: call.horizon)
        }
    }

    /// Gives up a call that takes too long.
    mutating func look(in cluster: Cluster) -> Bool {
        cluster.queue.add(.clientLooks(number), at: cluster.now + 500_000)
        guard let call, cluster.now - call.began > Client.timeout else { return false }
        return hear(.unknown, call: call.number, in: cluster)
    }
}
