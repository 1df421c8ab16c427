/// A raft term; 0 is the term before any election.
package struct Term: Hashable, Comparable, Sendable {
    package var rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: Term, b: Term) -> Bool { a.rawValue < b.rawValue }
}

/// A position in the replicated log; the first entry has index 1, and 0 stands before it.
package struct LogIndex: Hashable, Comparable, Sendable {
    package var rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: LogIndex, b: LogIndex) -> Bool { a.rawValue < b.rawValue }
    package static func + (a: LogIndex, count: UInt64) -> LogIndex { LogIndex(a.rawValue + count) }
    /// How many entries lie after `b` up to and including `a`; requires `b <= a`.
    package static func - (a: LogIndex, b: LogIndex) -> UInt64 { a.rawValue - b.rawValue }
}

/// A member of the cluster; never 0 (spec/peer.md 1).
package struct MemberID: Hashable, Comparable, Sendable {
    package var rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: MemberID, b: MemberID) -> Bool { a.rawValue < b.rawValue }
}

/// What names one entry for ever: no two different entries share term and index (Raft §5.3).
package struct EntryID: Hashable, Comparable, Sendable {
    package var term: Term
    package var index: LogIndex

    package init(term: Term, index: LogIndex) {
        self.term = term
        self.index = index
    }

    /// The position before the first entry.
    package static let zero = EntryID(term: Term(0), index: LogIndex(0))

    /// Log order as elections compare it: the later term wins, then the longer log (Raft §5.4.1).
    package static func < (a: EntryID, b: EntryID) -> Bool { (a.term, a.index) < (b.term, b.index) }
}
