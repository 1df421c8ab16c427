import Raft
import Wire

/// raftpb, walpb and etcdserverpb.Metadata messages as etcd writes them: proto2 through gogo, so every scalar
/// is written even when zero, bytes are left out when empty, and fields lie in the order of their numbers.
///
///     Entry             1 type, 2 term, 3 index, 4 data
///     HardState         1 term, 2 vote, 3 commit
///     ConfState         1 voters*, 2 learners*, 3 outgoing*, 4 next learners*, 5 auto leave (* unpacked)
///     SnapshotMetadata  1 ConfState, 2 index, 3 term
///     walpb.Snapshot    1 index, 2 term, 3 ConfState (absent in the first record of a log)
///     Metadata          1 member id, 2 cluster id
///
/// Source: spec/vectors.md 2, 3 and 6.
extension [UInt8] {
    /// A raftpb.Entry.
    package mutating func append(_ entry: Entry) {
        appendField(1, always: entry.kind.rawValue)
        appendField(2, always: entry.term.rawValue)
        appendField(3, always: entry.index.rawValue)
        unsafe appendField(4, entry.data.span.bytes)
    }

    /// A raftpb.HardState.
    package mutating func append(_ state: HardState) {
        appendField(1, always: state.term.rawValue)
        appendField(2, always: state.vote?.rawValue ?? 0)
        appendField(3, always: state.commit.rawValue)
    }

    /// A raftpb.ConfState.
    package mutating func append(_ state: ConfigurationState) {
        for id in state.voters { appendField(1, always: id.rawValue) }
        for id in state.learners { appendField(2, always: id.rawValue) }
        for id in state.votersOutgoing { appendField(3, always: id.rawValue) }
        for id in state.learnersNext { appendField(4, always: id.rawValue) }
        appendField(5, always: state.autoLeave ? 1 : 0)
    }

    /// A raftpb.SnapshotMetadata.
    package mutating func append(_ metadata: SnapshotMetadata) {
        var configuration: [UInt8] = []
        configuration.append(metadata.configuration)
        unsafe appendField(1, always: configuration.span.bytes)
        appendField(2, always: metadata.id.index.rawValue)
        appendField(3, always: metadata.id.term.rawValue)
    }

    /// A raftpb.Snapshot; `data` is left out when empty.
    package mutating func appendSnapshot(_ metadata: SnapshotMetadata, data: borrowing RawSpan) {
        var inner: [UInt8] = []
        inner.append(metadata)
        appendField(1, data)
        unsafe appendField(2, always: inner.span.bytes)
    }

    /// A walpb.Snapshot.
    mutating func append(_ record: SnapshotRecord) {
        appendField(1, always: record.id.index.rawValue)
        appendField(2, always: record.id.term.rawValue)
        guard let state = record.configuration else { return }
        var configuration: [UInt8] = []
        configuration.append(state)
        unsafe appendField(3, always: configuration.span.bytes)
    }

    /// An etcdserverpb.Metadata.
    mutating func append(_ metadata: LogMetadata) {
        appendField(1, always: metadata.memberID.rawValue)
        appendField(2, always: metadata.clusterID)
    }
}

/// Whose log it is; every segment says so in its second record.
package struct LogMetadata: Equatable, Sendable {
    package var memberID: MemberID
    package var clusterID: UInt64

    package init(memberID: MemberID, clusterID: UInt64) {
        self.memberID = memberID
        self.clusterID = clusterID
    }
}

/// A walpb.Snapshot: a snapshot file of that position was complete on disk before this record was written.
package struct SnapshotRecord: Equatable, Sendable {
    package var id: EntryID
    /// Absent in the {0, 0} record of a new log, and in logs of etcd before 3.5.
    package var configuration: ConfigurationState?

    package init(id: EntryID, configuration: ConfigurationState?) {
        self.id = id
        self.configuration = configuration
    }
}
