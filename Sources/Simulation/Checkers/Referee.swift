import Raft

/// Sees everything that members hand out and clients hear, and says when it cannot be right.
///
/// What it holds against the members: the committed log, as the first member that handed each entry out told
/// it, and a model executed in that order. It knows what each entry means from who proposed it.
final class Referee {
    /// A request that was proposed, by the id in its entry.
    struct Proposal {
        var operation: Operation
        /// Of a client's call: what must be older than it.
        var call: CallID?
        /// Position in the log and what the model answers; nil until committed.
        var decided: (index: LogIndex, answer: Answer)?
        /// The proposer was told that it never enters the log.
        var isDropped = false
        /// A lease's end that a leader found, and when.
        var isExpiry = false
    }

    private(set) var violation: String?
    var model: Model
    var leases: LeaseChecker
    var calls = CallChecker()
    private(set) var proposals: [UInt64: Proposal] = [:]
    /// Committed entries from index 1 on.
    private(set) var log: [Entry] = []
    /// Digest of the state after each index, from index 0 on.
    private var digests: [UInt64] = []
    /// What HashKV answered at an index, by whom it was asked first.
    private var hashes: [LogIndex: UInt32] = [:]
    /// Who led each term.
    private var leaders: [Term: MemberID] = [:]
    /// The highest term that had a leader, for reports.
    private(set) var termMax = Term(0)
    private(set) var elections = 0
    private(set) var statesCompared = 0
    var now = Moment.start

    init(keys: Int, minimumTTL: Int64, leases: LeaseChecker) {
        model = Model(keys: keys, minimumTTL: minimumTTL)
        self.leases = leases
        digests = [model.digest]
    }

    func fail(_ text: @autoclosure () -> String) {
        if violation == nil { violation = text() }
    }

    func expect(_ holds: Bool, _ text: @autoclosure () -> String) { if !holds { fail(text()) } }

    // The log.

    func proposed(_ id: UInt64, _ operation: Operation, call: CallID?, isExpiry: Bool = false) {
        expect(proposals[id] == nil, "request id \(id) is drawn twice")
        proposals[id] = Proposal(operation: operation, call: call, isExpiry: isExpiry)
    }

    /// The proposer of `id` was told that the log will never have it.
    func dropped(_ id: UInt64) {
        proposals[id]?.isDropped = true
        if let decided = proposals[id]?.decided {
            fail("request \(id) is refused, but stands at index \(decided.index.rawValue)")
        }
    }

    /// A member hands an entry to its state machine.
    func committed(_ entry: Entry, by member: MemberID) {
        let place = Int(entry.index.rawValue) - 1
        if place < log.count {
            let known = log[place]
            expect(
                known == entry,
                "index \(entry.index.rawValue): member \(member.hex) hands out term \(entry.term.rawValue), "
                    + "another had term \(known.term.rawValue) there")
            return
        }
        expect(place == log.count, "member \(member.hex) skips to index \(entry.index.rawValue)")
        if let last = log.last { expect(entry.term >= last.term, "terms fall at \(entry.index.rawValue)") }
        log.append(entry)
        execute(entry)
        digests.append(model.digest)
    }

    private func execute(_ entry: Entry) {
        if entry.data.isEmpty { return }
        guard let id = RequestID.of(entry) else {
            return fail("index \(entry.index.rawValue) holds no request of this run")
        }
        guard var proposal = proposals[id] else {
            return fail("index \(entry.index.rawValue) holds request \(id), which nobody made")
        }
        if let earlier = proposal.decided {
            return fail("request \(id) is at \(earlier.index.rawValue) and again at \(entry.index.rawValue)")
        }
        expect(!proposal.isDropped, "request \(id) was refused, but stands at \(entry.index.rawValue)")
        if case .revoke(let lease) = proposal.operation, proposal.isExpiry, model.ttl(of: lease) != nil {
            if let early = leases.verdict(onExpiryOf: lease, at: now) { fail(early) }
        }
        let answer = model.execute(proposal.operation)
        proposal.decided = (entry.index, answer)
        proposals[id] = proposal
    }

    // Members.

    func leads(_ member: MemberID, in term: Term) {
        if let other = leaders[term] {
            return expect(
                other == member, "members \(other.hex) and \(member.hex) lead term \(term.rawValue)")
        }
        leaders[term] = member
        termMax = max(termMax, term)
        elections += 1
    }

    /// A member's whole state as it is after `index`.
    func compare(_ state: ObservedState, of member: MemberID, at index: LogIndex) {
        statesCompared += 1
        let place = Int(index.rawValue)
        guard place < digests.count else {
            return fail("member \(member.hex) has applied \(index.rawValue), which was never committed")
        }
        if state.digest != digests[place] {
            let isNewest = place == digests.count - 1
            fail(
                "member \(member.hex) has another state than the model at index \(index.rawValue)"
                    + (isNewest ? ": " + state.difference(from: model) : ""))
        }
        if let hash = hashes[index] {
            expect(hash == state.hash, "HashKV differs between members at index \(index.rawValue)")
        } else {
            hashes[index] = state.hash
        }
    }
}

extension MemberID {
    /// As etcd prints it.
    var hex: String { String(rawValue, radix: 16) }
}

/// Finds the id of a request in the data of an entry.
enum RequestID {
    /// InternalRaftRequest {100 header {1 id}}; raftpb.ConfChange {1 id}.
    static func of(_ entry: Entry) -> UInt64? {
        var reader = MessageReader(entry.data[...])
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (1, .number(let id)) where entry.kind != .normal: return id
            case (100, .bytes(let header)) where entry.kind == .normal:
                var inner = MessageReader(header)
                while let (field, value) = inner.next() {
                    if field == 1, case .number(let id) = value { return id }
                }
            default: break
            }
        }
        return nil
    }
}
