import Raft

extension Replica {
    package struct Settings: Sendable {
        package var node: Node.Settings
        /// Applied entries between two snapshots (flag snapshot-count).
        package var snapshotCount: UInt64
        /// The newest snapshot on disk; 0 for none.
        package var lastSnapshot: LogIndex
        package var limits: Limits

        package init(
            node: Node.Settings, snapshotCount: UInt64, lastSnapshot: LogIndex, limits: Limits = Limits()
        ) {
            precondition(snapshotCount > 0)
            self.node = node
            self.snapshotCount = snapshotCount
            self.lastSnapshot = lastSnapshot
            self.limits = limits
        }
    }

    /// Bounds, and what happens at each. The log in memory holds between `catchUpEntries` and
    /// `catchUpEntries + compactionStride` applied entries, more only while a snapshot is being sent.
    package struct Limits: Sendable {
        /// Committed entries not yet applied; then proposals are refused as too many.
        package var applyGapMax: UInt64 = 5000
        /// Proposals waiting for a leader; then further ones are refused as too many.
        package var backlogMax = 5000
        /// Ticks that a proposal waits for a leader before it is refused: etcd's request timeout,
        /// 5 s and two election timeouts, in ticks of 100 ms.
        package var backlogTicksMax: UInt64 = 70
        /// Readers waiting for an index; then further ones are dropped.
        package var readersMax = 65_536
        /// Ticks that a reader waits before it is dropped; as above.
        package var readTicksMax: UInt64 = 70
        /// Ticks after which an unanswered read round is asked for again (spec/raft.md 4).
        package var readRetryTicks: UInt64 = 5
        /// Applied entries kept for followers that lag (flag snapshot-catchup-entries).
        package var catchUpEntries: UInt64 = 5000
        /// Entries forgotten at a time.
        package var compactionStride: UInt64 = 1000
        /// Applied entries kept while a snapshot is being sent; then they are forgotten all the same.
        package var heldEntriesMax: UInt64 = 1_000_000
        /// Ticks after a failed snapshot before the next is wanted.
        package var snapshotRetryTicks: UInt64 = 100

        package init() {}
    }
}
