import Raft

/// What a log holds, and the log itself, open for more.
package struct Recovery: ~Copyable {
    package let metadata: LogMetadata
    /// The last hard state; all zero when none was ever saved.
    package let hardState: HardState
    /// The entries after the snapshot, without holes; the first has the snapshot's index plus one.
    package let entries: [Entry]
    package let report: RecoveryReport
    private let log: DurableLog

    init(replay: Replay, report: RecoveryReport, log: consuming DurableLog) {
        metadata = log.metadata
        hardState = log.hardState
        entries = replay.entries
        self.report = report
        self.log = log
    }

    /// The log, to be written on from where it ended.
    package consuming func intoLog() -> DurableLog { log }
}

/// What recovery found and did, for the start-up log lines.
package struct RecoveryReport: Equatable, Sendable {
    package var segmentCount = 0
    package var recordCount = 0
    /// Where the next record goes.
    package var offset: UInt64 = 0
    /// Snapshot records from the first segment read on.
    package var snapshots: [SnapshotRecord] = []
    /// Set when the log ended inside a record and was cut there.
    package var repair: LogRepair?

    package init() {}
}

/// A torn tail that was cut off.
package struct LogRepair: Equatable, Sendable {
    package var path: String
    /// Where the last sound record ended: the file was truncated here.
    package var offset: UInt64
    /// The copy of the whole file as it was.
    package var copyPath: String
}

extension DurableLog {
    /// Reads the log from the snapshot on, repairs a torn tail once, and opens it for appending.
    ///
    /// `snapshot` is one that the log has recorded (`.zero` when there is none yet); the segments from the
    /// one that holds it to the last are locked before they are read. Nothing acknowledged is lost by a
    /// repair: what a crash tore was never synced as a whole.
    package static func recover(
        in directory: String, from snapshot: EntryID, options: LogOptions = LogOptions(),
        disk: any Disk = SystemDisk()
    ) throws(JournalError) -> Recovery {
        let directory = withoutTrailingSlashes(directory)
        do throws(JournalError) {
            return try recover(in: directory, from: snapshot, repair: nil, options: options, disk: disk)
        } catch .torn(let path, let offset) {
            let repair = try cutTorn(path: path, offset: offset, disk: disk)
            return try recover(in: directory, from: snapshot, repair: repair, options: options, disk: disk)
        }
    }

    private static func recover(
        in directory: String, from snapshot: EntryID, repair: LogRepair?, options: LogOptions, disk: any Disk
    ) throws(JournalError) -> Recovery {
        let names = try segments(in: directory, from: snapshot.index, disk: disk)
        let held = try lockAll(names, in: directory, disk: disk)
        do throws(JournalError) {
            var replay = Replay(start: snapshot)
            let end = try read(held, into: &replay, disk: disk)
            guard let metadata = replay.metadata else {
                throw .malformed(path: held[0].file.path, offset: 0, .structure)
            }
            guard replay.knowsStart else {
                throw .snapshotNotFound(directory: directory, snapshot: snapshot)
            }
            if let later = replay.breach {
                throw .broken(directory: directory, from: snapshot, by: later)
            }
            let last = held[held.count - 1].file
            try makeAppendable(last, from: end.offset, options: options, disk: disk)
            let buffer = try buffer(ending: last, at: end.offset, checksum: end.checksum, disk: disk)
            if options.bypassesCache { disk.bypassCache(last) }
            try removeLeftOvers(in: directory, disk: disk)
            var report = RecoveryReport()
            report.segmentCount = held.count
            report.recordCount = replay.recordCount
            report.offset = end.offset
            report.snapshots = replay.snapshots
            report.repair = repair
            let log = DurableLog(
                directory: directory, metadata: metadata, disk: disk, options: options, segments: held,
                buffer: buffer, hardState: replay.state ?? HardState(), lastIndex: replay.lastIndex,
                snapshotted: snapshot.index)
            return Recovery(replay: replay, report: report, log: log)
        } catch {
            for segment in held { disk.close(segment.file) }
            throw error
        }
    }

    /// What a log needs of its last segment to write on at `offset`.
    private static func buffer(
        ending file: OpenFile, at offset: UInt64, checksum: UInt32, disk: any Disk
    ) throws(JournalError) -> RecordBuffer {
        let inBlock = Int(offset % UInt64(Limits.blockSize))
        let base = offset - UInt64(inBlock)
        var tail: [UInt8] = []
        try onDisk { () throws(DiskError) in try disk.read(file, at: base, count: inBlock, into: &tail) }
        return RecordBuffer(checksum: checksum, base: base, tail: tail)
    }

    /// The snapshots the log has recorded at or below its last commit index, oldest first: only a `.snap`
    /// file that is one of them may be started from. Reads all segments; a torn tail ends the reading.
    package static func validSnapshots(
        in directory: String, disk: any Disk = SystemDisk()
    ) throws(JournalError) -> [EntryID] {
        let directory = withoutTrailingSlashes(directory)
        var replay = Replay(start: EntryID(term: Term(0), index: LogIndex(.max)))
        var held: [HeldSegment] = []
        defer { for segment in held { disk.close(segment.file) } }
        for name in try segmentNames(in: directory, disk: disk) {
            let path = joined(directory, name.text)
            let file = try onDisk { () throws(DiskError) in try disk.open(path, .read) }
            held.append(HeldSegment(name: name, file: file))
        }
        do throws(JournalError) { _ = try read(held, into: &replay, disk: disk) } catch .torn {
            // `recover` will cut the log here.
        }
        let commit = replay.state?.commit ?? LogIndex(0)
        return replay.snapshots.map(\.id).filter { $0.index <= commit }
    }

    /// The segments from the one that holds `index` to the last.
    private static func segments(
        in directory: String, from index: LogIndex, disk: any Disk
    ) throws(JournalError) -> ArraySlice<SegmentName> {
        let names = try segmentNames(in: directory, disk: disk)
        guard let start = names.lastIndex(where: { $0.firstIndex <= index }) else {
            throw .noSegment(directory: directory, from: index)
        }
        for position in names.indices.dropFirst(start + 1) {
            let expected = names[position - 1].sequence + 1
            guard names[position].sequence == expected else {
                throw .sequenceGap(directory: directory, expected: expected, found: names[position].sequence)
            }
        }
        return names[start...]
    }

    private static func lockAll(
        _ names: ArraySlice<SegmentName>, in directory: String, disk: any Disk
    ) throws(JournalError) -> [HeldSegment] {
        var held: [HeldSegment] = []
        do throws(JournalError) {
            for name in names {
                let path = joined(directory, name.text)
                let file = try onDisk { () throws(DiskError) in try disk.open(path, .readWrite) }
                held.append(HeldSegment(name: name, file: file))
                let isOurs = try onDisk { () throws(DiskError) in try disk.lock(file) }
                guard isOurs else { throw .locked(path: path) }
            }
            return held
        } catch {
            for segment in held { disk.close(segment.file) }
            throw error
        }
    }

    /// Feeds every record to `replay`; returns where the log ends.
    private static func read(
        _ held: [HeldSegment], into replay: inout Replay, disk: any Disk
    ) throws(JournalError) -> (offset: UInt64, checksum: UInt32) {
        var end: (offset: UInt64, checksum: UInt32) = (0, 0)
        for (position, segment) in held.enumerated() {
            let path = segment.file.path
            var reader = try SegmentReader(
                disk: disk, file: segment.file, isLast: position == held.count - 1, checksum: end.checksum)
            replay.beginSegment()
            while let record = try reader.next() {
                try reader.withData(of: record) { data throws(JournalError) in
                    try replay.take(record, data, path: path)
                }
            }
            try replay.endSegment(path: path)
            end = (reader.offset, reader.checksum)
        }
        return end
    }
}
