/// What one client asks for next: a mixture that differs from seed to seed.
///
/// Every value is written once in a run, so a reader can tell which write it sees.
struct Workload {
    private let client: Int
    private let scenario: Scenario
    private var chance: Chance
    /// Weights of the kinds below.
    private var weights: [Int]
    private var leases: [Int64] = []
    private var leaseCount: Int64 = 0
    private var written = 0
    /// The newest revision this client heard of.
    private var revision: Int64 = 1
    /// The newest state it saw of some key, for compare-and-swap.
    private var known: Pair?

    init(client: Int, scenario: Scenario, chance: Chance) {
        self.client = client
        self.scenario = scenario
        self.chance = chance
        weights = [30, 20, 8, 6, 15, 4, 2, 8, 1, 3]
        for kind in weights.indices { weights[kind] *= self.chance.pick([0, 1, 1, 1, 3]) }
        weights[0] += 1
    }

    mutating func next(in cluster: Cluster) -> Operation {
        var draw = chance.below(weights.reduce(0, +))
        var kind = 0
        while draw >= weights[kind] {
            draw -= weights[kind]
            kind += 1
        }
        let isCalm = cluster.phase == .calm
        switch kind {
        case 0: return .put(put())
        case 1: return .range(query())
        case 2: return .range(query(isSerializable: true))
        case 3: return .delete(span(), wantsPrevious: chance.happens(500))
        case 4: return .transaction(transaction())
        case 5: return grant()
        case 6: return leases.isEmpty ? grant() : .revoke(lease: chance.pick(leases))
        case 7: return leases.isEmpty ? grant() : .keepAlive(lease: chance.pick(leases))
        case 8: return .compact(revision: max(1, revision - Int64(chance.below(30))))
        default: return isCalm ? .put(put()) : .range(oldQuery())
        }
    }

    mutating func finished(_ operation: Operation, _ answer: Answer) {
        revision = max(revision, answer.revision ?? 0)
        switch (operation, answer) {
        case (.range, .range(_, let found)):
            if let pair = found.pairs.first { known = pair }
        case (.grant(let lease, _), .granted): leases.append(lease)
        case (.revoke(let lease), .revoked), (.keepAlive(let lease), .renewed(0)):
            leases.removeAll { $0 == lease }
        default: break
        }
    }

    private mutating func value() -> [UInt8] {
        written += 1
        var value = Array("\(client).\(written).".utf8)
        if chance.happens(50) { value += [UInt8](repeating: UInt8(ascii: "x"), count: chance.below(600)) }
        return value
    }

    private mutating func put(key: Int? = nil) -> Operation.Put {
        var put = Operation.Put(key: key ?? chance.below(scenario.keys), value: value())
        if !leases.isEmpty, chance.happens(300) { put.lease = chance.pick(leases) }
        put.wantsPrevious = chance.happens(300)
        return put
    }

    private mutating func span() -> Operation.KeySpan {
        let first = chance.below(scenario.keys)
        if chance.happens(500) { return Operation.KeySpan(first: first) }
        return Operation.KeySpan(first: first, end: first + 1 + chance.below(scenario.keys - first))
    }

    private mutating func query(isSerializable: Bool = false) -> Operation.Query {
        var query = Operation.Query(span: span(), isSerializable: isSerializable)
        if chance.happens(200) { query.limit = 1 + chance.below(3) }
        return query
    }

    private mutating func oldQuery() -> Operation.Query {
        var query = query(isSerializable: chance.happens(300))
        query.revision = max(1, revision + 1 - Int64(chance.below(20)))
        return query
    }

    private mutating func grant() -> Operation {
        leaseCount += 1
        let lease = Int64(client + 1) * 1_000_000 + leaseCount
        return .grant(lease: lease, ttl: Int64(1 + chance.below(Int(scenario.ttlMax))))
    }

    private mutating func transaction() -> Operation.Txn {
        var compares: [Operation.Txn.Compare] = []
        if let known, chance.happens(600) {
            // Compare-and-swap of what was read last.
            compares.append(.init(key: known.key, relation: .equal, target: .mod, number: known.mod))
        }
        for _ in 0..<chance.below(2) { compares.append(compare()) }
        return Operation.Txn(compares: compares, success: steps(), failure: steps())
    }

    private mutating func compare() -> Operation.Txn.Compare {
        let relations: [Operation.Txn.Relation] = [.equal, .greater, .less, .notEqual]
        let targets: [Operation.Txn.Target] = [.version, .create, .mod, .value]
        var compare = Operation.Txn.Compare(
            key: chance.below(scenario.keys), relation: chance.pick(relations), target: chance.pick(targets))
        compare.number = compare.target == .version ? Int64(chance.below(4)) : revision - 5
        compare.value = Array("\(chance.below(3)).".utf8)
        return compare
    }

    /// Up to three operations; the keys they change do not overlap, as etcd demands.
    private mutating func steps() -> [Operation.Txn.Step] {
        var steps: [Operation.Txn.Step] = []
        var first = chance.below(scenario.keys)
        for _ in 0..<chance.below(4) where first < scenario.keys {
            switch chance.below(4) {
            case 0: steps.append(.range(query()))
            case 1:
                let end = min(scenario.keys, first + 1 + chance.below(3))
                let span = Operation.KeySpan(first: first, end: end)
                steps.append(.delete(span, wantsPrevious: chance.happens(500)))
                first = end
            default:
                steps.append(.put(put(key: first)))
                first += 1
            }
        }
        return steps
    }
}
