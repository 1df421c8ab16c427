import Raft

/// A request on its way into the log.
package struct ProposedEntry: Sendable {
    /// Names the request to its owner when it is refused; raft does not see it.
    package var tag: UInt64
    /// The entry's data, an encoded InternalRaftRequest.
    package var data: [UInt8]

    package init(tag: UInt64, data: [UInt8]) {
        self.tag = tag
        self.data = data
    }
}

/// A proposal that did not enter the log and never will.
package struct Refusal: Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        /// Commit runs too far ahead of apply, or too many wait for a leader: "too many requests".
        case tooManyRequests
        /// Raft does not take it: "raft proposal dropped", or the configuration change's own error.
        case dropped(Node.ProposalDrop)
    }

    package var tag: UInt64
    package var reason: Reason

    package init(tag: UInt64, reason: Reason) {
        self.tag = tag
        self.reason = reason
    }
}

extension Replica {
    package enum Event: Sendable {
        /// One heartbeat interval has passed.
        case tick
        /// Hold an election now; a member alone need not wait for its timeout.
        case campaign
        /// Taken or refused as one; not empty. The caller batches what came in one pass.
        case propose([ProposedEntry])
        /// As `propose`, for what only the leader of this term may decide (that a lease is over): refused
        /// with `noLeader` where this member does not lead it, and never handed on to another leader.
        case proposeWhileLeading(Term, [ProposedEntry])
        case proposeConfigurationChange(tag: UInt64, ConfigurationProposal)
        /// A reader waits; answered by `readable` or `droppedReads`.
        case readIndex(token: UInt64)
        /// Of another member; of a snapshot, after its file is complete, verified and durable.
        case message(Message)
        /// Everything up to this write is durable.
        case persisted(WriteSequence)
        /// The state machine has everything up to this index, restores included.
        case applied(LogIndex)
        /// The state machine has reached the configuration change at this index; nil: it refused it.
        case configurationDecided(LogIndex, ConfigurationChange?)
        case transferLeadership(to: MemberID)
        /// A message could not be delivered.
        case unreachable(MemberID)
        /// The stream that a `.snapshot` message began has ended.
        case snapshotSent(to: MemberID, hasArrived: Bool)
        /// A snapshot of the state at this position is on disk.
        case snapshotted(EntryID)
        case snapshotFailed
        /// Take a snapshot as soon as possible, whatever the count.
        case snapshotDemanded
        /// Counts ticks as passed without a leader (initial-election-tick-advance).
        case advanceElection(by: UInt64)
    }

    /// What the driver does next; it empties this afterwards. See `Node.Effects` for the order.
    package struct Effects: Sendable {
        /// Of these the driver takes `write`, `messages`, `restore`, `committed` and `configurations`;
        /// `readable` and `droppedReads` in here are always empty.
        package var node = Node.Effects()
        package var refused: [Refusal] = []
        /// A reader may be answered from any state at or after the index.
        package var readable: [ReadState] = []
        /// Readers that no leader answered in time, or that are too many.
        package var droppedReads: [UInt64] = []
        /// A snapshot is wanted of the state at this index or later.
        package var snapshotWanted: LogIndex?
        /// The newest status, when it changed.
        package var status: Node.Status?

        package init() {}

        /// Forgets what was done, keeping the room.
        package mutating func removeAll() {
            node.removeAll()
            refused.removeAll(keepingCapacity: true)
            readable.removeAll(keepingCapacity: true)
            droppedReads.removeAll(keepingCapacity: true)
            snapshotWanted = nil
            status = nil
        }

        mutating func refuse(_ entries: [ProposedEntry], _ reason: Refusal.Reason) {
            for entry in entries { refused.append(Refusal(tag: entry.tag, reason: reason)) }
        }
    }
}
