import Raft

/// Which snapshot files other members wait for, and which they are being sent.
///
/// One file serves all: whoever wants a state that the newest recorded file reaches gets that file at once,
/// the others wait for the next. Every want is answered once, and a file given out is held until `sent`.
struct PeerSnapshots {
    /// The newest file the log has recorded, by this member or received.
    private(set) var newest: SnapshotMetadata?
    private var waiting: [(member: MemberID, atLeast: LogIndex)] = []
    private var sending: [MemberID: EntryID] = [:]

    init(newest: SnapshotMetadata?) { self.newest = newest }

    /// Files that must not be removed.
    var held: Set<EntryID> { Set(sending.values) }

    var isAwaited: Bool { !waiting.isEmpty }

    /// The file to give to `member` now; nil when it has to wait for the next one.
    mutating func want(_ member: MemberID, atLeast index: LogIndex) -> SnapshotMetadata? {
        // A member that asks again has given up what it was sent.
        sending[member] = nil
        waiting.removeAll { $0.member == member }
        if let newest, newest.id.index >= index {
            sending[member] = newest.id
            return newest
        }
        waiting.append((member, index))
        return nil
    }

    /// A file is recorded: answers who gets the newest now. Who needs a later one waits on.
    mutating func recorded(_ metadata: SnapshotMetadata) -> [MemberID] {
        if newest.map({ $0.id.index < metadata.id.index }) ?? true { newest = metadata }
        guard let newest else { return [] }
        let ready = waiting.filter { $0.atLeast <= newest.id.index }.map(\.member)
        waiting.removeAll { $0.atLeast <= newest.id.index }
        for member in ready { sending[member] = newest.id }
        return ready
    }

    /// The next file cannot be written: answers who waited for it.
    mutating func failed() -> [MemberID] {
        defer { waiting = [] }
        return waiting.map(\.member)
    }

    mutating func sent(to member: MemberID) { sending[member] = nil }

    /// The newest file is not there any more.
    mutating func forgetNewest() { newest = nil }
}
