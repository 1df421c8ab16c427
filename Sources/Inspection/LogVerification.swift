import Journal
import Raft
import Terminal

/// Checks everything a log promises: every checksum and the chain over all segments, framing and padding, the
/// order of records, indexes, terms and commits. Constant memory.
package struct LogVerification {
    private let wal: String
    private let output: Output
    private let isQuiet: Bool

    package init(_ wal: String, to output: Output, isQuiet: Bool) {
        self.wal = wal
        self.output = output
        self.isQuiet = isQuiet
    }

    /// Prints one line when all is well; otherwise `file:offset: …` of the first damage, and answers false.
    package func run() -> Bool {
        var audit = LogAudit()
        do throws(JournalError) {
            var reader = try LogReader(in: wal)
            let bar = ProgressBar("verifying", total: segmentBytes(reader), isQuiet: isQuiet)
            var path = ""
            var (segment, before) = (-1, 0 as UInt64)
            while let record = try reader.next() {
                if record.segment != segment {
                    if segment >= 0 {
                        try audit.end(path: path)
                        before += fileSize(path)
                    }
                    let last = segment >= 0 ? audit.last.index : nil
                    (segment, path) = (record.segment, reader.path)
                    let name = reader.segments[segment]
                    if let damage = LogDamage(
                        headOf: name, at: path, checksum: record.checksum, last: last)
                    {
                        output.line(damage.description)
                        return false
                    }
                }
                try audit.take(try reader.content(of: record), at: record, path: path)
                bar.update(before + record.offset)
            }
            try audit.end(path: reader.path)
            bar.update(before + reader.offset)
            bar.finish()
            let indexes = audit.firstIndex.map { "\($0.rawValue) to \(audit.last.index.rawValue)" } ?? "none"
            output.line(
                "OK: \(reader.segments.count) segments, \(audit.recordCount) records, entries \(indexes), "
                    + "\(before + reader.offset) bytes; committed \(audit.state.commit.rawValue)")
            return true
        } catch {
            output.line(LogDamage(error).description)
            return false
        }
    }
}
