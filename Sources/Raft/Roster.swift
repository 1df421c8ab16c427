/// Who takes part, and what is known of each; ascending by id, so that every walk has the same order.
struct Roster {
    private(set) var configuration: ConfigurationState
    /// One per member of the configuration, this one included.
    private(set) var progress: [Progress] = []
    private let emptyWindow: Inflights

    init(_ configuration: ConfigurationState, window: Inflights, next: LogIndex) {
        self.configuration = ConfigurationState()
        emptyWindow = window
        change(to: configuration, next: next)
    }

    func place(of member: MemberID) -> Int? {
        // Linear: a roster is shorter than a cache line of ids.
        progress.firstIndex { $0.id == member }
    }

    subscript(_ place: Int) -> Progress {
        _read { yield progress[place] }
        _modify { yield &progress[place] }
    }

    /// Takes a new configuration: members that stay keep their progress, new ones start at `next`.
    mutating func change(to configuration: ConfigurationState, next: LogIndex) {
        configuration.checkInvariants()
        self.configuration = configuration
        var changed: [Progress] = []
        for member in configuration.members {
            if let place = place(of: member) {
                changed.append(progress[place])
            } else {
                var added = Progress(id: member, next: next, inflights: emptyWindow)
                // A new member is given one period before it counts as silent.
                added.isRecentlyActive = true
                changed.append(added)
            }
        }
        progress = changed
    }

    /// The greatest index that a quorum has made durable.
    var quorumMatch: LogIndex? { reached { $0.match } }

    /// The greatest read round that a quorum has confirmed.
    var quorumRound: UInt64? { reached { $0.confirmedRound } }

    private func reached<Value: Comparable>(_ value: (Progress) -> Value) -> Value? {
        // A closure that used self would have all of it copied, and every array of it counted.
        let progress = progress
        return Quorum.reached(configuration) { member in
            guard let place = progress.firstIndex(where: { $0.id == member }) else {
                preconditionFailure("voter without progress")
            }
            return value(progress[place])
        }
    }

    func tally(_ vote: (Progress) -> Bool?) -> ElectionResult {
        Quorum.tally(configuration) { member in
            guard let place = place(of: member) else { preconditionFailure("voter without progress") }
            return vote(progress[place])
        }
    }

    func checkInvariants() {
        configuration.checkInvariants()
        invariant(progress.map(\.id) == configuration.members, "progress and configuration differ")
        for member in progress { member.checkInvariants() }
    }
}
