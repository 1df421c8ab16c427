import Raft

/// What the records of a whole log add up to, in constant memory unless places are kept; refuses what no log
/// can contain, by the rules of `Replay`.
package struct LogAudit {
    package private(set) var metadata: LogMetadata?
    package private(set) var state = HardState()
    /// Entries that stand, after later ones have replaced earlier ones.
    package private(set) var firstIndex: LogIndex?
    package private(set) var last = EntryID.zero
    package private(set) var snapshots: [SnapshotRecord] = []
    package private(set) var recordCount = 0
    /// Entries that were replaced by later ones of the same index.
    package private(set) var replacedCount = 0
    /// Where each standing entry lies; the first is that of `firstIndex`. Kept on demand: 16 bytes each.
    package private(set) var places: [Place] = []
    private let keepsPlaces: Bool
    /// Where each term begins among the standing entries.
    private var terms: [EntryID] = []
    private var segment = -1
    private var ordinal = 0

    /// A record's segment and offset.
    package struct Place: Equatable, Sendable {
        package var segment: UInt32
        package var offset: UInt64
    }

    package init(keepingPlaces: Bool = false) { keepsPlaces = keepingPlaces }

    /// Entries that stand.
    package var entryCount: UInt64 { firstIndex.map { last.index - $0 + 1 } ?? 0 }

    /// Takes the next record, `path` being that of its segment.
    package mutating func take(
        _ content: LogContent, at record: LogRecord, path: String
    ) throws(JournalError) {
        func malformed(_ fault: RecordFault) -> JournalError {
            .malformed(path: path, offset: record.offset, fault)
        }
        if record.segment != segment { (segment, ordinal) = (record.segment, 0) }
        // Every segment begins with its checksum and metadata records, and has no others.
        guard (ordinal == 0) == (record.kind == .checksum), (ordinal == 1) == (record.kind == .metadata)
        else {
            throw malformed(.structure)
        }
        ordinal += 1
        recordCount += 1
        switch content {
        case .checksum: break
        case .metadata(let new):
            guard metadata == nil || metadata == new else {
                throw .metadataConflict(path: path, offset: record.offset)
            }
            metadata = new
        case .entry(let id, let kind, let data):
            guard id.index > state.commit, (1..<Limits.termEnd).contains(id.term.rawValue),
                kind != .configurationChange || !data.isEmpty
            else { throw malformed(.implausible) }
            try place(id, record, path: path)
        case .state(let new):
            guard new.mayFollow(state) else { throw malformed(.implausible) }
            state = new
        case .snapshot(let snapshot):
            snapshots.append(snapshot)
            // A snapshot of entries that the log does not hold came from the leader and replaced all there
            // was.
            if replaces(snapshot.id) { restart(after: snapshot.id) }
        }
    }

    private func replaces(_ snapshot: EntryID) -> Bool {
        if snapshot.index > last.index { return true }
        guard let firstIndex, snapshot.index >= firstIndex else { return false }
        return terms.last { $0.index <= snapshot.index }?.term != snapshot.term
    }

    private mutating func restart(after id: EntryID) {
        terms.removeAll()
        last = id
        firstIndex = nil
        places.removeAll()
    }

    private mutating func place(_ id: EntryID, _ record: LogRecord, path: String) throws(JournalError) {
        if firstIndex == nil {
            // The first segment at hand may begin anywhere; after a snapshot entries follow it.
            guard last == .zero || id.index <= last.index + 1 else {
                throw .gap(path: path, offset: record.offset, expected: last.index + 1, found: id.index)
            }
            firstIndex = id.index
        } else if let first = firstIndex {
            guard id.index <= last.index + 1 else {
                throw .gap(path: path, offset: record.offset, expected: last.index + 1, found: id.index)
            }
            if id.index <= last.index {
                replacedCount += Int(last.index - id.index) + 1
                if id.index < first { firstIndex = id.index }
                if keepsPlaces { places.removeLast(min(places.count, Int(last.index - id.index) + 1)) }
            } else if id.term < last.term {
                throw .malformed(path: path, offset: record.offset, .implausible)
            }
        }
        last = id
        terms.removeAll { $0.index >= id.index }
        if terms.last?.term != id.term { terms.append(id) }
        if keepsPlaces {
            places.append(Place(segment: UInt32(record.segment), offset: record.offset))
        }
    }

    /// Called at the end: a segment has at least its two head records.
    package func end(path: String) throws(JournalError) {
        guard ordinal >= 2 else { throw .malformed(path: path, offset: 0, .structure) }
    }

    /// Snapshots recorded at or below the last commit index: a `.snap` file counts only if it is one of them.
    package var validSnapshots: [EntryID] {
        snapshots.map(\.id).filter { $0.index <= state.commit }
    }
}
