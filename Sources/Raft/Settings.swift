extension Node {
    /// What a node is told once. Defaults are etcd's (spec/raft.md 1).
    package struct Settings: Sendable {
        package var id: MemberID
        /// Ticks without a leader before an election; the timeout is drawn from one to two times this.
        package var electionTicks: UInt64
        package var heartbeatTicks: UInt64
        package var isPreVoting: Bool
        /// Drawn from by election timeouts; must differ between members and between boots.
        package var seed: UInt64
        package var limits: Limits

        package init(
            id: MemberID, electionTicks: UInt64 = 10, heartbeatTicks: UInt64 = 1, isPreVoting: Bool = true,
            seed: UInt64, limits: Limits = Limits()
        ) {
            precondition(id.rawValue != 0)
            precondition(heartbeatTicks > 0)
            precondition(electionTicks > heartbeatTicks)
            self.id = id
            self.electionTicks = electionTicks
            self.heartbeatTicks = heartbeatTicks
            self.isPreVoting = isPreVoting
            self.seed = seed
            self.limits = limits
        }
    }

    /// Bounds, and what happens at each.
    ///
    /// A follower's window holds at most `inflightMessagesMax * messageBytesMax` = 512 MiB by count, hence
    /// the bound by bytes. `applyingBytesMax` is at least one message, so that a follower keeps up.
    package struct Limits: Sendable {
        /// Entries per append; one entry is always sent, whatever its size.
        package var messageBytesMax = 1 << 20
        /// Unacknowledged appends per follower; then it is paused until it answers.
        package var inflightMessagesMax = 512
        package var inflightBytesMax = 64 << 20
        /// Data proposed and not committed; further proposals are dropped. No limit, as in etcd.
        package var uncommittedBytesMax = Int.max
        /// Committed entries handed out and not applied; more follow as they are.
        package var applyingBytesMax = 4 << 20
        /// Reads waiting on a leader; further ones are dropped.
        package var waitingReadsMax = 16_384

        package init() {}
    }

    /// What a node begins with.
    package enum Start: Sendable {
        /// A new cluster: one configuration change entry per member, each member's data given
        /// (a raftpb.ConfChange), ascending by id. They get index 1... and term 1 and are committed.
        case bootstrap([BootstrapMember])
        /// A member that ran before.
        case restart(Restart)
        /// A member that was added to a running cluster: empty until the leader speaks.
        case join
    }

    package struct BootstrapMember: Sendable {
        package var id: MemberID
        package var data: [UInt8]

        package init(id: MemberID, data: [UInt8]) {
            self.id = id
            self.data = data
        }
    }

    package struct Restart: Sendable {
        package var hardState: HardState
        /// The position before the first of `entries`.
        package var compacted: EntryID
        package var entries: [Entry]
        /// What the state machine holds, at or after `compacted`, and the configuration at that position.
        /// Committed entries after it are handed out again.
        package var applied: SnapshotMetadata

        package init(
            hardState: HardState, compacted: EntryID, entries: [Entry], applied: SnapshotMetadata
        ) {
            self.hardState = hardState
            self.compacted = compacted
            self.entries = entries
            self.applied = applied
        }

        /// From the newest snapshot: everything after it is handed out again.
        package init(hardState: HardState, entries: [Entry], snapshot: SnapshotMetadata) {
            self.init(
                hardState: hardState, compacted: snapshot.id, entries: entries, applied: snapshot)
        }
    }

    /// What was read back cannot be the log of a member; the disk lost or mixed something.
    package enum StartError: Error, Equatable {
        case noMembers
        case gap(after: LogIndex, found: LogIndex)
        case termFalls(at: LogIndex)
        case commitBeyondLog(commit: LogIndex, last: LogIndex)
        case appliedOutsideLog(LogIndex)
    }
}
