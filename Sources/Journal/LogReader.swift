import Raft

/// Reads a log for somebody who only wants to look: no locks, nothing changed, somebody may be writing it.
///
/// Records come in order over all segments, each checked like recovery checks it (`SegmentReader`); what they
/// mean together is `LogAudit`'s. The end is where nothing more was written when it was looked at;
/// `lookAgain` goes on from there.
package struct LogReader: ~Copyable {
    package let directory: String
    private let disk: any Disk
    /// Segments from the first one read to the last known, without gaps.
    package private(set) var segments: [SegmentName]
    /// Which of them is being read.
    private var position = -1
    private var file: OpenFile?
    private var reader: SegmentReader?
    private var record: Record?
    /// Records of the present segment so far.
    private var count = 0

    /// Begins with the segment that holds `index`. Throws `.noSegment`, and `.sequenceGap` for a missing one.
    package init(
        in directory: String, from index: LogIndex = LogIndex(0), disk: any Disk = SystemDisk()
    ) throws(JournalError) {
        let directory = withoutTrailingSlashes(directory)
        segments = try Self.segments(in: directory, from: index, disk: disk)
        self.directory = directory
        self.disk = disk
    }

    private static func segments(
        in directory: String, from index: LogIndex, disk: any Disk
    ) throws(JournalError) -> [SegmentName] {
        let names = try DurableLog.segmentNames(in: directory, disk: disk)
        // Index 0: whatever there is, from the oldest segment on.
        let start = index == LogIndex(0) ? names.indices.first : names.lastIndex { $0.firstIndex <= index }
        guard let start else { throw .noSegment(directory: directory, from: index) }
        for (earlier, later) in zip(names[start...], names[start...].dropFirst()) {
            guard later.sequence == earlier.sequence + 1 else {
                throw .sequenceGap(
                    directory: directory, expected: earlier.sequence + 1, found: later.sequence)
            }
        }
        return Array(names[start...])
    }

    deinit { if let file { disk.close(file) } }

    /// Path of the segment being read.
    package var path: String { joined(directory, segments[max(position, 0)].text) }
    /// Its number in `segments`.
    package var segment: Int { max(position, 0) }
    /// Where the next record begins in it.
    package var offset: UInt64 { reader?.offset ?? 0 }
    /// The running checksum.
    package var checksum: UInt32 { reader?.checksum ?? 0 }

    /// The next record; nil at the end of the log.
    package mutating func next() throws(JournalError) -> LogRecord? {
        while true {
            if reader == nil {
                guard try openNext() else { return nil }
            }
            let start = offset
            record = try reader?.next()
            if let record {
                count += 1
                let dataOffset = reader?.dataOffset(of: record) ?? 0
                return LogRecord(
                    kind: record.kind, segment: position, offset: start, dataOffset: dataOffset,
                    dataSize: record.data.count, checksum: checksum)
            }
            if position == segments.count - 1 { return nil }
            // Its checksum and metadata records. Without any, the chain would go unnoticed over the hole.
            guard count >= 2 else { throw .malformed(path: path, offset: 0, .structure) }
            guard try openNext() else { return nil }
        }
    }

    /// The data of the record returned last.
    package func withData<R, E: Error>(_ body: (borrowing RawSpan) throws(E) -> R) throws(E) -> R {
        guard let reader, let record else { preconditionFailure("next() returned a record before") }
        return try reader.withData(of: record, body)
    }

    /// Moves behind the record that `next` refused, or, when its length cannot be believed, to the next
    /// segment. False when there is nothing more.
    package mutating func passOver() throws(JournalError) -> Bool {
        if try reader?.passOver() ?? false { return true }
        return try openNext()
    }

    /// Looks for what was written since: `next` may find more. True when a new segment has begun.
    package mutating func lookAgain() throws(JournalError) -> Bool {
        let names = try DurableLog.segmentNames(in: directory, disk: disk)
        let new = names.filter { $0.sequence > segments[segments.count - 1].sequence }
        segments += new
        guard let file, let reader else { return !new.isEmpty }
        self.reader = try SegmentReader(
            disk: disk, file: file, isLast: position == segments.count - 1, checksum: reader.checksum,
            from: reader.offset)
        return !new.isEmpty
    }

    private mutating func openNext() throws(JournalError) -> Bool {
        guard position + 1 < segments.count else { return false }
        let checksum = checksum
        if let file { disk.close(file) }
        (file, reader, count) = (nil, nil, 0)
        position += 1
        let path = path
        let opened = try onDisk { () throws(DiskError) in try disk.open(path, .read) }
        file = opened
        reader = try SegmentReader(
            disk: disk, file: opened, isLast: position == segments.count - 1, checksum: checksum)
        return true
    }
}

/// One sound record of a log that is being looked at.
package struct LogRecord: Equatable, Sendable {
    package var kind: RecordKind
    /// Number of its segment in `LogReader.segments`.
    package var segment: Int
    /// Where its length word lies, and its data.
    package var offset: UInt64
    package var dataOffset: UInt64
    package var dataSize: Int
    /// The running checksum up to and with it.
    package var checksum: UInt32
}

/// What the data of a record says.
package enum LogContent: Equatable, Sendable {
    case checksum
    case metadata(LogMetadata)
    /// `data` is a range of the record's data.
    case entry(EntryID, Entry.Kind, data: Range<Int>)
    case state(HardState)
    case snapshot(SnapshotRecord)

    package init(_ kind: RecordKind, decoding bytes: borrowing RawSpan) throws(MessageError) {
        switch kind {
        case .checksum: self = .checksum
        case .metadata: self = .metadata(try LogMetadata(decoding: bytes))
        case .entry:
            let (id, kind, data) = try Entry.head(of: bytes)
            self = .entry(id, kind, data: data)
        case .state: self = .state(try HardState(decoding: bytes))
        case .snapshot: self = .snapshot(try SnapshotRecord(decoding: bytes))
        }
    }
}
