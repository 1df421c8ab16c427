/// How an election stands.
package enum ElectionResult: Equatable, Sendable {
    case pending, won, lost
}

/// Majorities of a configuration; in a joint one both halves must agree (Raft thesis §4.3).
enum Quorum {
    /// The greatest value that a majority of `voters` has reached; nil for no voters (no restriction).
    ///
    /// Quadratic and free of allocation: clusters have at most a handful of voters.
    static func reached<Value: Comparable>(_ voters: [MemberID], _ value: (MemberID) -> Value) -> Value? {
        if voters.count == 1 { return value(voters[0]) }
        let needed = voters.count / 2 + 1
        var best: Value?
        for candidate in voters {
            let bound = value(candidate)
            if let best, bound <= best { continue }
            var count = 0
            for voter in voters where value(voter) >= bound { count += 1 }
            if count >= needed { best = bound }
        }
        return best
    }

    /// As above over both halves of a configuration; nil without any voters.
    static func reached<Value: Comparable>(
        _ configuration: ConfigurationState, _ value: (MemberID) -> Value
    ) -> Value? {
        let incoming = reached(configuration.voters, value)
        let outgoing = reached(configuration.votersOutgoing, value)
        guard let incoming, let outgoing else { return incoming ?? outgoing }
        return min(incoming, outgoing)
    }

    /// The result of an election among `voters`; a member without an answer is nil. No voters: won.
    static func tally(_ voters: [MemberID], _ vote: (MemberID) -> Bool?) -> ElectionResult {
        if voters.isEmpty { return .won }
        var granted = 0
        var missing = 0
        for voter in voters {
            switch vote(voter) {
            case true?: granted += 1
            case nil: missing += 1
            case false?: break
            }
        }
        let needed = voters.count / 2 + 1
        if granted >= needed { return .won }
        return granted + missing >= needed ? .pending : .lost
    }

    /// As above over both halves: lost as soon as one half is lost, won when both are won.
    static func tally(_ configuration: ConfigurationState, _ vote: (MemberID) -> Bool?) -> ElectionResult {
        let incoming = tally(configuration.voters, vote)
        let outgoing = tally(configuration.votersOutgoing, vote)
        if incoming == outgoing { return incoming }
        return incoming == .lost || outgoing == .lost ? .lost : .pending
    }
}
