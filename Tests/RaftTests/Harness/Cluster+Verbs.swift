@testable import Raft

/// What tests say to a cluster and ask of it.
extension Cluster {
    /// A running cluster at rest.
    static func running(voters: Int, learners: Int = 0) -> Cluster {
        var cluster = Cluster(voters: voters, learners: learners)
        cluster.start()
        return cluster
    }

    /// A running cluster of voters with entries of these terms on their disks; entries of equal index and
    /// term are equal. Nothing is committed.
    static func running(
        logs: [[UInt64]], terms own: [UInt64] = [], limits: Node.Limits = Node.Limits()
    ) -> Cluster {
        var cluster = Cluster(voters: logs.count)
        cluster.limits = limits
        for (place, terms) in logs.enumerated() {
            cluster.sites[place].disk.hardState.term = Term(own.isEmpty ? terms.last ?? 0 : own[place])
            cluster.sites[place].disk.entries = terms.enumerated().map { offset, term in
                let id = EntryID(term: Term(term), index: LogIndex(UInt64(offset + 1)))
                return Entry(id: id, data: Array("\(offset + 1).\(term)".utf8))
            }
        }
        cluster.start()
        return cluster
    }

    /// A running cluster with member 1 leading.
    static func led(voters: Int, learners: Int = 0) -> Cluster {
        var cluster = running(voters: voters, learners: learners)
        cluster.elect(1)
        return cluster
    }

    mutating func elect(_ id: UInt64) {
        campaign(id)
        deliver()
    }

    mutating func campaign(_ id: UInt64) { call(id) { $0.campaign(into: &$1) } }

    mutating func tick(_ id: UInt64, _ count: Int = 1) {
        for _ in 0..<count { call(id) { $0.tick(into: &$1) } }
    }

    /// Ticks every member and lets everything settle, `count` times.
    mutating func pass(_ count: Int) {
        for _ in 0..<count {
            for site in sites { tick(site.id.rawValue) }
            deliver()
        }
    }

    @discardableResult
    mutating func propose(_ id: UInt64, _ text: String) -> Node.Proposal? {
        let data = Array(text.utf8)
        return call(id) { $0.propose(count: 1, data: { _ in data }, into: &$1) }
    }

    @discardableResult
    mutating func change(_ id: UInt64, _ change: ConfigurationChange) -> Node.Proposal? {
        let kind: Entry.Kind =
            change.steps.count == 1 && change.transition == .auto
            ? .configurationChange : .configurationChangeV2
        let proposal = ConfigurationProposal(kind: kind, data: ChangeBytes.encode(change), change: change)
        return call(id) { $0.propose(proposal, into: &$1) }
    }

    mutating func read(_ id: UInt64, token: UInt64) {
        checker.readBegan(token)
        call(id) { $0.readIndex(token, into: &$1) }
    }

    mutating func transfer(_ id: UInt64, to target: UInt64) {
        call(id) { $0.transferLeadership(to: MemberID(target), into: &$1) }
    }

    mutating func hand(_ payload: Message.Payload, from: UInt64, to: UInt64, term: UInt64) {
        let message = Message(from: MemberID(from), to: MemberID(to), term: Term(term), payload: payload)
        call(to) { $0.step(message, into: &$1) }
    }

    func node(_ id: UInt64) -> Node {
        guard let node = sites[place(id)].node else { preconditionFailure("member \(id) is down") }
        return node
    }

    func role(_ id: UInt64) -> Node.Role { node(id).role }
    func term(_ id: UInt64) -> UInt64 { node(id).term.rawValue }
    func committed(_ id: UInt64) -> UInt64 { node(id).log.committed.rawValue }

    /// The terms of a member's entries, oldest first.
    func terms(_ id: UInt64) -> [UInt64] {
        let log = node(id).log
        return log.entries(log.first, through: log.last).map(\.term.rawValue)
    }

    /// The data of a member's non-empty normal entries, as text.
    func texts(_ id: UInt64) -> [String] {
        let log = node(id).log
        return log.entries(log.first, through: log.last)
            .filter { $0.kind == .normal && !$0.data.isEmpty }
            .map { String(decoding: $0.data, as: UTF8.self) }
    }

    var leaders: [UInt64] {
        sites.filter { $0.node?.role == .leader }.map(\.id.rawValue)
    }

    /// Messages under way from `from` to `to`.
    func underWay(_ from: UInt64, _ to: UInt64) -> [Message.Payload] {
        network.filter { $0.from.rawValue == from && $0.to.rawValue == to }.map(\.payload)
    }
}
