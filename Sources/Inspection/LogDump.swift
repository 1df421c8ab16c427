import Glibc
import Journal
import Raft
import Terminal

/// What `etcd-dump-logs` was asked for.
package struct LogDumpOptions: Sendable {
    package var dataDirectory: String
    /// Nil: `<data-dir>/member/wal`.
    package var walDirectory: String?
    /// Base name of the `.snap` file to begin behind.
    package var startSnap: String?
    /// The first index to show; nil: begin behind a snapshot.
    package var startIndex: UInt64?
    /// The first index not to show.
    package var endIndex = UInt64.max
    package var entryTypes: EntryTypes
    /// The program that decodes entries for the last two columns.
    package var decoder: String?
    package var isJSON = false
    package var isQuiet = false

    package init(dataDirectory: String, entryTypes: EntryTypes) {
        self.dataDirectory = dataDirectory
        self.entryTypes = entryTypes
    }

    package var wal: String { walDirectory ?? dataDirectory + "/member/wal" }
    var snapshots: String { dataDirectory + "/member/snap" }
}

/// Prints the entries of a log as etcd's tool does: those that stand at its end, behind a snapshot or from an
/// index on, in constant memory but for 16 bytes per entry.
///
/// The log is read twice: the heading tells how many entries there are and what was committed last, and an
/// entry may be replaced by a later one. What lies before a damaged place is shown, then the damage is
/// reported.
package struct LogDump {
    let options: LogDumpOptions
    let output: Output
    private var decoder: StreamDecoder?
    private var shown = 0

    package init(_ options: LogDumpOptions, to output: Output) throws(Failure) {
        self.options = options
        self.output = output
        decoder = if let command = options.decoder { try StreamDecoder(command) } else { nil }
    }

    /// The whole dump; with `following` it then shows entries as they are written, and does not return.
    package mutating func run(following: Bool = false) throws(Failure) {
        let audit = try Self.audit(options.wal, keepingPlaces: true, isQuiet: options.isQuiet)
        let start = try heading(audit.sum)
        var reader = try journal { () throws(JournalError) in try LogReader(in: options.wal) }
        var failure: JournalError?
        do throws(JournalError) {
            try showStanding(&reader, audit.sum, from: start)
        } catch {
            failure = error
        }
        if following, failure == nil || failure?.isTorn == true {
            output.flush()
            try follow(&reader)
        }
        if !options.isJSON {
            output.line("\nEntry types (\(options.entryTypes.text)) count is : \(shown)")
        }
        output.flush()
        if let damage = audit.damage ?? failure {
            throw Failure("Failed reading WAL: \(LogDamage(damage).description)")
        }
    }

    /// Sums up a log as far as it can be read; `damage` is where that ended.
    static func audit(
        _ wal: String, keepingPlaces: Bool, isQuiet: Bool
    ) throws(Failure) -> (sum: LogAudit, damage: JournalError?) {
        var sum = LogAudit(keepingPlaces: keepingPlaces)
        do throws(JournalError) {
            var reader = try LogReader(in: wal)
            let bar = ProgressBar("reading", total: segmentBytes(reader), isQuiet: isQuiet)
            var path = ""
            var (segment, before, size) = (-1, 0 as UInt64, 0 as UInt64)
            while let record = try reader.next() {
                if record.segment != segment {
                    (segment, path) = (record.segment, reader.path)
                    before += size
                    size = fileSize(path)
                }
                let content = try reader.content(of: record)
                try sum.take(content, at: record, path: path)
                bar.update(before + record.offset)
            }
            bar.finish()
            return (sum, nil)
        } catch .noSegment {
            throw noLog(wal)
        } catch {
            return (sum, error)
        }
    }

    static func noLog(_ wal: String) -> Failure { Failure("Failed reading WAL: no .wal file in \(wal)") }

    /// Prints what stands above the entries; answers the index before the first to show.
    private func heading(_ audit: LogAudit) throws(Failure) -> LogIndex {
        let start: LogIndex
        var lines: [String] = []
        var snapshot: SnapshotMetadata?
        if let index = options.startIndex {
            lines.append("Start dumping log entries from index \(index).")
            start = LogIndex(index == 0 ? 0 : index - 1)
        } else {
            snapshot = try startSnapshot(audit)
            lines += ["Snapshot:"]
            if let snapshot {
                let nodes = snapshot.configuration.voters.map { String($0.rawValue, radix: 16) }
                lines.append(
                    "term=\(snapshot.id.term.rawValue) index=\(snapshot.id.index.rawValue) "
                        + "nodes=[\(nodes.joined(separator: " "))] confstate=\(json(snapshot.configuration))")
            } else {
                lines.append("empty")
            }
            lines.append("Start dumping log entries from snapshot.")
            start = snapshot?.id.index ?? LogIndex(0)
        }
        let member = String(audit.metadata?.memberID.rawValue ?? 0, radix: 16)
        let cluster = String(audit.metadata?.clusterID ?? 0, radix: 16)
        let state = audit.state
        let vote = String(state.vote?.rawValue ?? 0, radix: 16)
        let count = standing(audit, after: start)
        if options.isJSON {
            var line =
                "{\"nodeID\":\"\(member)\",\"clusterID\":\"\(cluster)\",\"term\":\(state.term.rawValue),"
            line += "\"commitIndex\":\(state.commit.rawValue),\"vote\":\"\(vote)\",\"entries\":\(count)"
            if count > 0 { line += ",\"lastIndex\":\(audit.last.index.rawValue)" }
            if let snapshot {
                line += ",\"snapshot\":{\"term\":\(snapshot.id.term.rawValue),"
                line +=
                    "\"index\":\(snapshot.id.index.rawValue),\"confState\":\(json(snapshot.configuration))}"
            }
            output.line(line + "}")
            return start
        }
        lines.append("WAL metadata:")
        lines.append(
            "nodeID=\(member) clusterID=\(cluster) term=\(state.term.rawValue) "
                + "commitIndex=\(state.commit.rawValue) vote=\(vote)")
        lines.append("WAL entries: \(count)")
        if count > 0 { lines.append("lastIndex=\(audit.last.index.rawValue)") }
        lines.append(
            "term\t     index\ttype\tdata" + (decoder == nil ? "" : "\tdecoder_status\tdecoded_data"))
        for line in lines { output.line(line) }
        return start
    }

    private func standing(_ audit: LogAudit, after start: LogIndex) -> UInt64 {
        guard let first = audit.firstIndex, audit.last.index > start else { return 0 }
        return audit.last.index - max(first, start + 1) + 1
    }

    private func startSnapshot(_ audit: LogAudit) throws(Failure) -> SnapshotMetadata? {
        if let name = options.startSnap {
            let path = options.snapshots + "/" + name + ".snap"
            guard let metadata = try snapshotMetadata(path) else {
                throw Failure("Failed loading snapshot: \(path) is damaged")
            }
            return metadata
        }
        let directory = SnapshotDirectory(options.snapshots)
        let valid = audit.validSnapshots
        for id in try journal({ () throws(JournalError) in try directory.snapshots() })
        where valid.contains(id) {
            if let metadata = try snapshotMetadata(directory.path(of: id)) { return metadata }
        }
        return nil
    }

    private mutating func showStanding(
        _ reader: inout LogReader, _ audit: LogAudit, from start: LogIndex
    ) throws(JournalError) {
        guard let first = audit.firstIndex else { return }
        while let record = try reader.next() {
            guard case .entry(let id, let kind, let data) = try reader.content(of: record),
                id.index > start, id.index >= first, id.index <= audit.last.index
            else { continue }
            let place = audit.places[Int(id.index - first)]
            guard place.segment == UInt32(record.segment), place.offset == record.offset else { continue }
            show(id, kind, reader.withData { bytes in copied(bytes, data) })
            if id.index == audit.last.index { return }
        }
    }

    /// Shows what is written from now on. A record that is still being written looks torn; it is read again.
    private mutating func follow(_ reader: inout LogReader) throws(Failure) {
        var patience = 0
        while true {
            do throws(JournalError) {
                while let record = try reader.next() {
                    patience = 0
                    guard case .entry(let id, let kind, let data) = try reader.content(of: record) else {
                        continue
                    }
                    show(id, kind, reader.withData { bytes in copied(bytes, data) })
                }
            } catch {
                patience += 1
                // Two seconds for one record: then it is damage.
                if patience > 20 { throw Failure("Failed reading WAL: \(LogDamage(error).description)") }
            }
            output.flush()
            _ = poll(nil, 0, 100)
            do throws(JournalError) { _ = try reader.lookAgain() } catch { throw Failure("\(error)") }
        }
    }

    private mutating func show(_ id: EntryID, _ kind: Entry.Kind, _ data: [UInt8]) {
        guard id.index.rawValue < options.endIndex, id.index.rawValue >= options.startIndex ?? 0 else {
            return
        }
        // The span ends with the call.
        let message = unsafe EntryMessage(kind, decoding: data.span.bytes)
        guard options.entryTypes.matches(message) else { return }
        shown += 1
        let (term, index) = (String(id.term.rawValue), String(id.index.rawValue))
        if options.isJSON {
            let type = kind == .normal ? "norm" : "conf"
            output.line { line in
                line += "{\"term\":\(term),\"index\":\(index),\"type\":\"\(type)\",".utf8
                line += "\"size\":\(data.count),\"request\":".utf8
                message.append(jsonTo: &line)
                line.append(UInt8(ascii: "}"))
            }
            return
        }
        let decoded = decoder.map { "\t" + $0.decode(data) }
        output.line { line in
            line += "\(padded(term, 4))\t\(padded(index, 10))\t".utf8
            message.append(kind: kind, to: &line)
            if let decoded { line += decoded.utf8 }
        }
    }
}

/// Runs `body`, giving a journal's failure the tools' type.
func journal<R: ~Copyable>(_ body: () throws(JournalError) -> R) throws(Failure) -> R {
    do throws(JournalError) { return try body() } catch { throw Failure("\(error)") }
}

extension LogReader {
    /// What the record returned last says.
    func content(of record: LogRecord) throws(JournalError) -> LogContent {
        do throws(MessageError) {
            return try withData { bytes throws(MessageError) in try LogContent(record.kind, decoding: bytes) }
        } catch {
            throw .malformed(path: path, offset: record.offset, .encoding)
        }
    }
}

extension JournalError {
    var isTorn: Bool { if case .torn = self { true } else { false } }
}

/// Bytes of a file; 0 when there is none.
func fileSize(_ path: String) -> UInt64 {
    var status = stat()
    return unsafe stat(path, &status) == 0 ? UInt64(status.st_size) : 0
}

/// Bytes of all segments.
func segmentBytes(_ reader: borrowing LogReader) -> UInt64 {
    var sum: UInt64 = 0
    for segment in reader.segments { sum += fileSize(reader.directory + "/" + segment.text) }
    return sum
}

/// A configuration as etcd's JSON has it.
func json(_ state: ConfigurationState) -> String {
    var text = "{"
    for (name, list) in [
        ("voters", state.voters), ("learners", state.learners), ("voters_outgoing", state.votersOutgoing),
        ("learners_next", state.learnersNext),
    ] where !list.isEmpty {
        text += "\"\(name)\":[" + list.map { String($0.rawValue) }.joined(separator: ",") + "],"
    }
    return text + "\"auto_leave\":\(state.autoLeave)}"
}

/// Position and configuration of a `.snap` file, ours or etcd's; nil when it is damaged.
func snapshotMetadata(_ path: String) throws(Failure) -> SnapshotMetadata? {
    do throws(JournalError) {
        return try SnapshotReader(path: path).metadata
    } catch .etcdSnapshot(_, let metadata) {
        return metadata
    } catch .snapshotCorrupt {
        return nil
    } catch {
        throw Failure("\(error)")
    }
}
