import Raft

/// The write-ahead log of one member: what it promised is here, or it was never promised.
///
/// A directory of segments `<seq>-<index>.wal`, byte-compatible with etcd's (spec/wal-snap.md 1-3). Each
/// segment begins with a checksum record, a metadata record, and a snapshot record {0, 0} (the first) or the
/// last hard state (the others).
///
/// Invariants:
/// 1. When `save` with `mustSync` returns, its records are on disk; `saveSnapshot` always so.
/// 2. One save is one contiguous write of whole blocks, then at most one sync. The save that takes the
///    segment to its nominal size also cuts it: truncate and sync the old one, write and sync the head of the
///    new one, rename it to its name, sync the directory. A crash between any two steps leaves a log that
///    recovers.
/// 3. Every segment that recovery from the snapshot given to `release` needs is locked by this log, and
///    `purge` removes unlocked ones only.
/// 4. A failed write or sync ends the log: the bytes on disk are unknown, and a later sync that succeeds
///    would prove nothing (the kernel has dropped the dirty pages). Every later call throws `.stopped`.
///
/// One thread owns it. It is `Sendable`, so it can be made on another.
package struct DurableLog: ~Copyable, Sendable {
    package let directory: String
    package let metadata: LogMetadata
    let disk: any Disk
    let options: LogOptions
    /// Held segments, oldest first; the last is written to.
    var segments: [HeldSegment]
    /// The end of the last segment.
    var buffer: RecordBuffer
    /// The hard state saved last.
    package internal(set) var hardState: HardState
    /// Index of the entry or snapshot saved last.
    package internal(set) var lastIndex: LogIndex
    /// Bytes of the records written since the log was opened: less than goes to the disk, which gets whole
    /// blocks.
    package internal(set) var bytesWritten: UInt64 = 0
    /// Index of the newest snapshot recorded: what may be released ends before it.
    package internal(set) var snapshotted: LogIndex
    var preparation: SegmentPreparation?
    /// The failure that ended the log.
    package internal(set) var failure: JournalError?

    init(
        directory: String, metadata: LogMetadata, disk: any Disk, options: LogOptions,
        segments: [HeldSegment], buffer: consuming RecordBuffer, hardState: HardState, lastIndex: LogIndex,
        snapshotted: LogIndex
    ) {
        precondition(!segments.isEmpty)
        self.directory = directory
        self.metadata = metadata
        self.disk = disk
        self.options = options
        self.segments = segments
        self.buffer = buffer
        self.hardState = hardState
        self.lastIndex = lastIndex
        self.snapshotted = snapshotted
    }

    deinit {
        preparation?.cancel()
        for segment in segments { disk.close(segment.file) }
    }

    /// Writes entries, then the hard state; with `mustSync` returns when they are on disk.
    ///
    /// - `entries` leave no hole: each index is at most the last one saved plus one. A lower one overrides
    ///   what was saved from there on, and lies above the commit index.
    /// - `hardState` is nil when it did not change.
    /// - `mustSync` is required for entries, a new term or a new vote; a new commit index alone may follow
    ///   with the next synced save (a member that forgets it learns it again).
    package mutating func save(
        _ entries: [Entry], hardState: HardState?, mustSync: Bool
    ) throws(JournalError) {
        if let failure { throw .stopped(first: failure) }
        guard !entries.isEmpty || hardState != nil else { return }
        precondition(mustSync || (entries.isEmpty && !changesVote(hardState)))
        for entry in entries {
            // What recovery would refuse is not written (`Replay`).
            precondition(entry.index <= lastIndex + 1 && entry.index > self.hardState.commit)
            buffer.append(entry)
            lastIndex = entry.index
        }
        if var hardState, hardState != HardState() {
            // A snapshot recorded meanwhile may have brought a later one than this save knows.
            hardState.commit = max(hardState.commit, self.hardState.commit)
            precondition(hardState.mayFollow(self.hardState))
            buffer.append(hardState)
            self.hardState = hardState
        }
        try write(synced: mustSync)
    }

    /// Records that the snapshot file of `snapshot` is complete on disk; returns when the record is, too.
    ///
    /// The commit index goes with it, in the same write, where the one saved last lies before the snapshot:
    /// 1. A snapshot is taken at index 100; that 100 is committed waits in memory, for it needs no sync.
    /// 2. The record is on disk, and what it makes superfluous is removed: older snapshots, segments.
    /// 3. The power goes. Recovery does not believe a snapshot beyond the commit index, and all else is gone.
    package mutating func saveSnapshot(_ snapshot: SnapshotMetadata) throws(JournalError) {
        if let failure { throw .stopped(first: failure) }
        precondition(snapshot.id.index >= snapshotted)
        var data: [UInt8] = []
        data.append(SnapshotRecord(id: snapshot.id, configuration: snapshot.configuration))
        unsafe buffer.append(.snapshot, data: data.span.bytes)
        lastIndex = max(lastIndex, snapshot.id.index)
        // A member without a term has saved nothing before that could be removed.
        if hardState.commit < snapshot.id.index, hardState.term.rawValue > 0 {
            hardState.commit = snapshot.id.index
            buffer.append(hardState)
        }
        try write(synced: true)
        snapshotted = snapshot.id.index
    }

    /// Syncs what was saved without a sync, and gives the segments back.
    package consuming func close() throws(JournalError) {
        guard failure == nil else { return }
        try sync(tail)
    }

    private func changesVote(_ new: HardState?) -> Bool {
        guard let new else { return false }
        return new.term != hardState.term || new.vote != hardState.vote
    }

    /// Writes the buffer; a failure ends the log.
    private mutating func write(synced: Bool) throws(JournalError) {
        do throws(JournalError) {
            try writeBuffer(to: tail)
            if buffer.end >= options.segmentSize {
                try cut()
            } else {
                if synced { try sync(tail) }
                prepareNext()
            }
            buffer.settle()
        } catch {
            failure = error
            throw error
        }
    }
}

/// A segment this log has open and locked.
struct HeldSegment: Sendable {
    var name: SegmentName
    var file: OpenFile
}
