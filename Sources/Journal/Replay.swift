import Raft
import Wire

/// What the records of a log add up to, from a snapshot on.
///
/// Rules (spec/wal-snap.md 3): entries above the snapshot go to the place their index names and cut off what
/// was there and after, later entries override earlier uncommitted ones; the last hard state wins; metadata
/// is the same in every segment; the snapshot itself is recorded.
///
/// A record's kind is not covered by its checksum, so what a flipped kind would make of a record is refused
/// by what no log can contain: entries below the commit index, terms that go back, votes that change.
struct Replay {
    let start: EntryID
    private(set) var metadata: LogMetadata?
    private(set) var state: HardState?
    private(set) var entries: [Entry] = []
    private(set) var snapshots: [SnapshotRecord] = []
    private(set) var knowsStart = false
    /// Term of the entry at the start's index, where the log has one.
    private var termAtStart: Term?
    /// Index of the entry or snapshot saved last; names the next segment.
    private(set) var lastIndex = LogIndex(0)
    private(set) var recordCount = 0
    private var ordinal = 0

    init(start: EntryID) { self.start = start }

    mutating func beginSegment() { ordinal = 0 }

    /// Called at the end of each segment, which has at least its checksum and metadata records.
    func endSegment(path: String) throws(JournalError) {
        guard ordinal >= 2 else { throw .malformed(path: path, offset: 0, .structure) }
    }

    mutating func take(
        _ record: Record, _ data: borrowing RawSpan, path: String
    ) throws(JournalError) {
        let place = Place(path: path, offset: record.offset)
        // Every segment begins with its checksum and metadata records, and has no others.
        guard (ordinal == 0) == (record.kind == .checksum), (ordinal == 1) == (record.kind == .metadata)
        else {
            throw place.malformed(.structure)
        }
        switch record.kind {
        case .checksum: break
        case .metadata: try take(place.decode(data, LogMetadata.init(decoding:)), at: place)
        case .entry: try take(entry: data, at: place)
        case .state: try take(place.decode(data, HardState.init(decoding:)), at: place)
        case .snapshot: try take(place.decode(data, SnapshotRecord.init(decoding:)), at: place)
        }
        ordinal += 1
        recordCount += 1
    }

    private mutating func take(_ new: LogMetadata, at place: Place) throws(JournalError) {
        guard metadata == nil || metadata == new else {
            throw .metadataConflict(path: place.path, offset: place.offset)
        }
        metadata = new
    }

    private mutating func take(entry bytes: borrowing RawSpan, at place: Place) throws(JournalError) {
        let (id, kind, data) = try place.decode(bytes, Entry.head(of:))
        guard id.index > state?.commit ?? LogIndex(0), (1..<Limits.termEnd).contains(id.term.rawValue),
            kind != .configurationChange || !data.isEmpty
        else { throw place.malformed(.implausible) }
        lastIndex = id.index
        if id.index == start.index { termAtStart = id.term }
        guard id.index > start.index else {
            // It cuts off what was there, like any other:
            // 1. Entries 126 to 130 of term 30 were saved and never committed; 126 of term 33 replaced them.
            // 2. A snapshot was taken at 126, and read from there 127 of term 30 would follow 126 of term 33.
            entries.removeAll()
            return
        }
        let position = id.index - start.index - 1
        guard position <= UInt64(entries.count) else {
            throw .gap(
                path: place.path, offset: place.offset,
                expected: start.index + UInt64(entries.count) + 1, found: id.index)
        }
        entries.removeLast(entries.count - Int(position))
        guard entries.last?.term ?? Term(0) <= id.term else { throw place.malformed(.implausible) }
        entries.append(Entry(id: id, kind: kind, data: bytes.extracting(data).copied()))
    }

    private mutating func take(_ new: HardState, at place: Place) throws(JournalError) {
        guard new.mayFollow(state ?? HardState()) else { throw place.malformed(.implausible) }
        state = new
    }

    /// The newest committed snapshot that stands for other entries than the log holds: it was received, and
    /// replaced what was saved before, so that nothing after it follows from the start.
    var breach: EntryID? {
        let commit = state?.commit ?? LogIndex(0)
        return snapshots.map(\.id).filter { id in
            guard id.index > start.index, id.index <= commit else { return false }
            let position = id.index - start.index - 1
            return position >= UInt64(entries.count) || entries[Int(position)].term != id.term
        }.max()
    }

    private mutating func take(_ snapshot: SnapshotRecord, at place: Place) throws(JournalError) {
        snapshots.append(snapshot)
        lastIndex = max(lastIndex, snapshot.id.index)
        guard snapshot.id.index == start.index else { return }
        guard snapshot.id.term == start.term else {
            throw .snapshotMismatch(
                path: place.path, offset: place.offset, expected: start, found: snapshot.id)
        }
        // A snapshot of our own stands for entries of this log, and what follows them stays. One received
        // from the leader replaced the whole log: what was saved before it is another history. Recorded once
        // more, by a member that took its own before it had applied anything since, it replaced nothing.
        if !knowsStart, termAtStart != start.term { entries.removeAll() }
        knowsStart = true
    }
}

extension HardState {
    /// Whether a member in state `old` can come to this one: terms and commit indexes never go back, and a
    /// vote stands for its term.
    func mayFollow(_ old: HardState) -> Bool {
        (max(old.term.rawValue, 1)..<Limits.termEnd).contains(term.rawValue) && old.commit <= commit
            && (old.term < term || old.vote == nil || old.vote == vote)
    }
}

/// Where a record lies, for errors.
private struct Place {
    var path: String
    var offset: UInt64

    func malformed(_ fault: RecordFault) -> JournalError {
        .malformed(path: path, offset: offset, fault)
    }

    func decode<R>(
        _ data: borrowing RawSpan, _ body: (borrowing RawSpan) throws(MessageError) -> R
    ) throws(JournalError) -> R {
        do throws(MessageError) { return try body(data) } catch { throw malformed(.encoding) }
    }
}
