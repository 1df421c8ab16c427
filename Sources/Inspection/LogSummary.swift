import Glibc
import Journal
import Raft
import Terminal

/// `etcd-dump-logs --summary`: segments with their ranges and sizes, and what the entries ask for.
package struct LogSummary {
    private let wal: String
    private let output: Output
    private let isQuiet: Bool

    /// What one segment holds.
    fileprivate struct Segment {
        var name = ""
        var fileSize: UInt64 = 0
        var used: UInt64 = 0
        var records = 0
        var entries = 0
        var indexes: ClosedRange<UInt64>?
        var terms: ClosedRange<UInt64>?
        /// When it was last written, in seconds since 1970.
        var modified: Double = 0
    }

    /// The entries of one kind.
    fileprivate struct Kind {
        var count = 0
        var bytes = 0
        var largest = 0
    }

    package init(_ wal: String, to output: Output, isQuiet: Bool) {
        self.wal = wal
        self.output = output
        self.isQuiet = isQuiet
    }

    /// Prints the summary of what can be read; answers false when damage ended it.
    package func run() -> Bool {
        var (audit, segments, kinds) = (LogAudit(), [Segment](), [String: Kind]())
        var states = 0
        var damage: JournalError?
        do throws(JournalError) {
            var reader = try LogReader(in: wal)
            let bar = ProgressBar("reading", total: segmentBytes(reader), isQuiet: isQuiet)
            var before: UInt64 = 0
            while let record = try reader.next() {
                if record.segment == segments.count {
                    before += segments.last?.fileSize ?? 0
                    segments.append(Self.segment(reader.path, name: reader.segments[record.segment].text))
                }
                let content = try reader.content(of: record)
                try audit.take(content, at: record, path: reader.path)
                segments[segments.count - 1].used = reader.offset
                segments[segments.count - 1].records += 1
                if case .state = content { states += 1 }
                if case .entry(let id, let kind, let data) = content {
                    segments[segments.count - 1].add(id)
                    let name = reader.withData { bytes in
                        EntryMessage(kind, decoding: bytes.extracting(data)).kindName
                    }
                    kinds[name, default: Kind()].add(data.count)
                }
                bar.update(before + record.offset)
            }
            bar.finish()
        } catch {
            damage = error
        }
        show(audit, states: states)
        show(segments)
        show(kinds)
        if let damage { output.line("\ndamage: \(LogDamage(damage).description)") }
        return damage == nil
    }

    private static func segment(_ path: String, name: String) -> Segment {
        var segment = Segment()
        segment.name = name
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            segment.fileSize = UInt64(status.st_size)
            segment.modified = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
        }
        return segment
    }

    private func show(_ audit: LogAudit, states: Int) {
        let member = audit.metadata.map { String($0.memberID.rawValue, radix: 16) } ?? "-"
        let cluster = audit.metadata.map { String($0.clusterID, radix: 16) } ?? "-"
        output.line("member \(member) cluster \(cluster)")
        output.line(
            "term \(audit.state.term.rawValue) commit \(audit.state.commit.rawValue) "
                + "vote \(String(audit.state.vote?.rawValue ?? 0, radix: 16))")
        let range = audit.firstIndex.map { "\($0.rawValue) to \(audit.last.index.rawValue)" } ?? "none"
        output.line(
            "entries \(range) (\(audit.entryCount)), \(audit.replacedCount) replaced by later ones, "
                + "\(states) hard states")
        for snapshot in audit.snapshots {
            output.line("snapshot at index \(snapshot.id.index.rawValue) term \(snapshot.id.term.rawValue)")
        }
    }

    private func show(_ segments: [Segment]) {
        output.line(
            "\nsegment                                \tfile size\tused\trecords\tindexes\tterms\tentries/s")
        var earlier: Double?
        for segment in segments {
            var rate = "-"
            if let earlier, segment.modified > earlier, segment.entries > 0 {
                rate = String(Int(Double(segment.entries) / (segment.modified - earlier) + 0.5))
            }
            earlier = segment.modified
            output.line(
                "\(segment.name)\t\(segment.fileSize)\t\(segment.used)\t\(segment.records)\t"
                    + "\(Self.text(segment.indexes))\t\(Self.text(segment.terms))\t\(rate)")
        }
    }

    private func show(_ kinds: [String: Kind]) {
        output.line("\nrequest\tcount\tbytes\taverage\tlargest\tshare")
        let total = max(1, kinds.values.reduce(0) { $0 + $1.bytes })
        let sorted = kinds.sorted { ($0.value.bytes, $1.key) > ($1.value.bytes, $0.key) }
        for (name, kind) in sorted {
            output.line(
                "\(name)\t\(kind.count)\t\(kind.bytes)\t\(kind.bytes / max(kind.count, 1))\t\(kind.largest)\t"
                    + "\(kind.bytes * 100 / total) %")
        }
    }

    private static func text(_ range: ClosedRange<UInt64>?) -> String {
        range.map {
            $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        } ?? "-"
    }
}

extension LogSummary.Segment {
    fileprivate mutating func add(_ id: EntryID) {
        entries += 1
        let (index, term) = (id.index.rawValue, id.term.rawValue)
        indexes = indexes.map { min($0.lowerBound, index)...max($0.upperBound, index) } ?? index...index
        terms = terms.map { min($0.lowerBound, term)...max($0.upperBound, term) } ?? term...term
    }
}

extension LogSummary.Kind {
    fileprivate mutating func add(_ size: Int) {
        count += 1
        bytes += size
        largest = max(largest, size)
    }
}
