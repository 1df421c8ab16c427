/// Numbers the writes of a node from 1; a later write includes all earlier ones.
package struct WriteSequence: Hashable, Comparable, Sendable {
    package var rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: WriteSequence, b: WriteSequence) -> Bool { a.rawValue < b.rawValue }
}

/// What must go to the write-ahead log, in this order: `snapshot`, `entries`, `hardState`.
package struct Write: Equatable, Sendable {
    /// Goes into `persisted` once everything here is durable. Answering the newest answers all earlier ones.
    package var sequence = WriteSequence(0)
    /// A snapshot that was received: its record is written before the entries. Its file is durable already.
    package var snapshot: SnapshotMetadata?
    /// Without a gap. The first may lie at or before entries written earlier: it then replaces
    /// those from its index on, as etcd's log does when it is read back.
    package var entries: [Entry] = []
    package var hardState: HardState?
    /// True when a sync must precede `persisted`; false only when nothing but the commit index moved,
    /// and then `persisted` may be left out.
    package var mustSync = false

    package init() {}

    package var isEmpty: Bool { entries.isEmpty && hardState == nil && snapshot == nil }

    /// Forgets what was taken, keeping the room.
    package mutating func removeAll() {
        snapshot = nil
        entries.removeAll(keepingCapacity: true)
        hardState = nil
        mustSync = false
    }

    /// Adds later entries; those that they replace and nobody has taken yet are never written.
    mutating func append(_ later: ArraySlice<Entry>) {
        guard let first = later.first else { return }
        while let last = entries.last, last.index >= first.index { entries.removeLast() }
        entries.append(contentsOf: later)
    }

    /// Replaces everything by a received snapshot.
    mutating func restart(at metadata: SnapshotMetadata) {
        snapshot = metadata
        entries.removeAll(keepingCapacity: true)
    }
}

/// A linearizable read that may be answered from any state at or after `index`.
package struct ReadState: Equatable, Sendable {
    package var token: UInt64
    package var index: LogIndex

    package init(token: UInt64, index: LogIndex) {
        self.token = token
        self.index = index
    }
}

/// A configuration that has taken effect, by the entry (or snapshot) at `index`.
package struct ConfigurationTaken: Equatable, Sendable {
    package var index: LogIndex
    package var configuration: ConfigurationState
    /// Why the change of that entry was skipped; the configuration is then the old one.
    package var refusal: ConfigurationChangeError?
}

extension Node {
    /// What the driver has to do. Effects of several calls may pile up in one value before it acts.
    ///
    /// Acting: `messages` at once, beside the write. `write` to the journal, answered by `persisted`.
    /// `restore`, then `committed`, to the state machine in this order, answered by `applied`.
    /// Nothing here waits for anything else here: what must wait for a write is kept back by the node
    /// until that write's `persisted`.
    package struct Effects: Sendable {
        package var write = Write()
        package var messages: [Message] = []
        /// A durable received snapshot: the state machine is replaced by it, then `applied(its index)`.
        package var restore: SnapshotMetadata?
        /// Committed and durable here; each once, in order. Ends at the first configuration change,
        /// which wants `configurationDecided` before more comes.
        package var committed: [Entry] = []
        package var readable: [ReadState] = []
        /// Tokens of reads that were given up: no leader is known, it changed, or too many wait.
        package var droppedReads: [UInt64] = []
        package var configurations: [ConfigurationTaken] = []

        package init() {}

        /// Forgets what was done, keeping the room.
        package mutating func removeAll() {
            write.removeAll()
            messages.removeAll(keepingCapacity: true)
            restore = nil
            committed.removeAll(keepingCapacity: true)
            readable.removeAll(keepingCapacity: true)
            droppedReads.removeAll(keepingCapacity: true)
            configurations.removeAll(keepingCapacity: true)
        }
    }
}
