import Journal
import Raft
import Terminal

/// `etcd-dump-logs -raw`: one line per record, whatever they mean together. A wrong checksum is reported once
/// per run of bad records, and the dump goes on with what the record claims.
package struct LogRawDump {
    private let wal: String
    private let range: Range<UInt64>
    private let output: Output

    /// `range`: the indexes of the entries to show.
    package init(_ wal: String, range: Range<UInt64>, to output: Output) {
        self.wal = wal
        self.range = range
        self.output = output
    }

    /// Answers whether the log was read to a clean end.
    package func run() throws(Failure) -> Bool {
        var reader: LogReader
        do throws(JournalError) {
            reader = try LogReader(in: wal, from: LogIndex(range.lowerBound))
        } catch .noSegment {
            throw LogDump.noLog(wal)
        } catch {
            throw Failure("\(error)")
        }
        var (isSound, isInBadRun) = (true, false)
        while true {
            do throws(JournalError) {
                guard let record = try reader.next() else { break }
                isInBadRun = false
                reader.withData { bytes in show(record, bytes) }
            } catch {
                isSound = false
                if !isInBadRun { report(LogDamage(error).description) }
                isInBadRun = true
                if error.isTorn {
                    output.line("ErrUnexpectedEOF: The last record might be corrupted, error: unexpected EOF")
                    return false
                }
                do throws(JournalError) {
                    guard try reader.passOver() else { return false }
                } catch {
                    throw Failure("\(error)")
                }
            }
        }
        output.line("EOF: All entries were processed.")
        return isSound
    }

    private func show(_ record: LogRecord, _ bytes: borrowing RawSpan) {
        let content: LogContent
        do throws(MessageError) { content = try LogContent(record.kind, decoding: bytes) } catch {
            output.line("Undecodable record of kind \(record.kind) at offset \(record.offset)")
            return
        }
        switch content {
        case .checksum: output.line("CRC: \(record.checksum)")
        case .metadata(let metadata):
            output.line(
                "Metadata: "
                    + Self.fields([("NodeID", metadata.memberID.rawValue), ("ClusterID", metadata.clusterID)])
            )
        case .entry(let id, let kind, let data):
            guard range.contains(id.index.rawValue) else { return }
            let type =
                switch kind {
                case .normal: ""
                case .configurationChange: " Type:EntryConfChange"
                case .configurationChangeV2: " Type:EntryConfChangeV2"
                }
            let data = copied(bytes, data)
            output.line { line in
                line += "Entry: Term:\(id.term.rawValue) Index:\(id.index.rawValue)\(type)".utf8
                if !data.isEmpty {
                    line += " Data:".utf8
                    appendProtoQuoted(data, to: &line)
                }
                line.append(UInt8(ascii: " "))
            }
        case .state(let state):
            output.line(
                "HardState: "
                    + Self.fields([
                        ("term", state.term.rawValue), ("vote", state.vote?.rawValue ?? 0),
                        ("commit", state.commit.rawValue),
                    ]))
        case .snapshot(let snapshot):
            var text =
                "Snapshot: "
                + Self.fields([("index", snapshot.id.index.rawValue), ("term", snapshot.id.term.rawValue)])
            if let state = snapshot.configuration {
                text += "conf_state:<"
                for voter in state.voters { text += "voters:\(voter.rawValue) " }
                for learner in state.learners { text += "learners:\(learner.rawValue) " }
                text += "auto_leave:\(state.autoLeave) > "
            }
            output.line(text)
        }
    }

    /// Protobuf's compact text; zeros are left out.
    private static func fields(_ fields: [(String, UInt64)]) -> String {
        fields.filter { $0.1 != 0 }.map { "\($0.0):\($0.1) " }.joined()
    }
}
