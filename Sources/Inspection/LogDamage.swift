import Journal
import Raft
import Terminal

/// What is wrong with a log, said so that somebody can find it: `file:offset` of the first bad byte, what is
/// there and what was expected.
///
/// A checksum says only that a record is wrong. If one flipped bit explains it, the bit is named (`BitFlip`);
/// if the record's own lengths contradict its length word, the byte of the word is.
package struct LogDamage: Equatable, Sendable, CustomStringConvertible {
    package var path: String
    /// The first bad byte, or the start of the bad record; nil where no file has it (a missing segment).
    package var offset: UInt64?
    package var text: String

    package var description: String {
        guard let offset else { return "\(path): \(text)" }
        return "\(path):\(offset): \(text)"
    }

    /// The head of a segment that does not belong under its name; nil when it does. `last`: the entry before
    /// it.
    init?(headOf name: SegmentName, at path: String, checksum: UInt32, last: LogIndex?) {
        self.path = path
        offset = 0
        if name.sequence == 0, checksum != 0 {
            text =
                "the first segment of a log continues one that ended with checksum "
                + "\(hex(checksum)), expected 0x0: swapped or renamed?"
        } else if let last, name.firstIndex != last + 1 {
            text =
                "the segment is named for index \(name.firstIndex.rawValue), expected "
                + "\(last.rawValue + 1): the one before ends with entry \(last.rawValue)"
        } else {
            return nil
        }
    }

    package init(_ error: JournalError) {
        switch error {
        case .corrupt(let path, 0, let stored, let computed):
            (self.path, offset) = (path, 0)
            text = Self.brokenChain(path, stored: stored, computed: computed)
        case .corrupt(let path, let record, let stored, let computed):
            self.path = path
            (offset, text) = Self.badChecksum(path, record, stored: stored, computed: computed)
        case .malformed(let path, let record, let fault):
            self.path = path
            (offset, text) = Self.malformed(path, record, fault)
        case .torn(let path, let record):
            (self.path, offset) = (path, record)
            let size = fileSize(path)
            text =
                "unexpected EOF: the log ends inside the record that begins here (file size "
                + "\(size)); a start of the member cuts it off here, nothing acknowledged is "
                + "lost if only a crash did this"
        case .sequenceGap(let directory, let expected, let found):
            (path, offset) = (directory, nil)
            text =
                "segment \(hexName(expected))-*.wal is missing: the next one is \(hexName(found))-*.wal "
                + "(wal: file sequence numbers do not increase continuously)"
        case .metadataConflict(let path, let record):
            (self.path, offset) = (path, record)
            text = "conflicting metadata: this segment belongs to another member or cluster than those before"
        case .gap(let path, let record, let expected, let found):
            (self.path, offset) = (path, record)
            text = "entry \(found.rawValue), expected \(expected.rawValue): entries are missing"
        default:
            (path, offset) = ("wal", nil)
            text = "\(error)"
        }
    }

    /// The checksum record at the head of a segment disagrees with the end of the one before.
    private static func brokenChain(_ path: String, stored: UInt32, computed: UInt32) -> String {
        var text =
            "crc mismatch: the chain is broken; this segment continues one that ended with checksum "
            + "\(hex(stored)), expected \(hex(computed)), which the one before ended with"
        if stored == 0 { text += "; it is the first segment of a log" }
        let (directory, name) = split(path)
        let names = (try? SystemDisk().list(directory) ?? []) ?? []
        for other in names.compactMap({ SegmentName($0) }).sorted() where other.text != name {
            if firstChecksum(directory + "/" + other.text) == computed {
                text += "; \(other.text) would continue it: swapped or renamed?"
            }
        }
        return text
    }

    private static func badChecksum(
        _ path: String, _ record: UInt64, stored: UInt32, computed: UInt32
    ) -> (UInt64, String) {
        let sums = "walpb: crc mismatch: stored \(hex(stored)), computed \(hex(computed))"
        guard let layout = RecordLayout(path, at: record) else { return (record, sums) }
        if (stored ^ computed).nonzeroBitCount == 1 {
            return (layout.checksumOffset, "\(sums): one bit of the stored checksum is flipped")
        }
        if let flip = BitFlip.locate(stored: stored, computed: computed, count: layout.dataSize),
            let byte = layout.byte(path, flip.byte)
        {
            let expected = byte ^ UInt8(1) << UInt8(flip.bit)
            let place = layout.dataOffset + UInt64(flip.byte)
            return (
                place,
                "byte is \(hex(UInt32(byte))), expected \(hex(UInt32(expected))): bit \(flip.bit) is flipped "
                    + "(\(sums), record at \(record))"
            )
        }
        let end = layout.dataOffset + UInt64(layout.dataSize)
        return (record, "\(sums): more than one bit of bytes \(layout.dataOffset)..<\(end) is wrong")
    }

    private static func malformed(_ path: String, _ record: UInt64, _ fault: RecordFault) -> (UInt64, String)
    {
        let kindPlace = record + 9  // length word, then tag and value of field 1
        switch fault {
        case .length:
            guard let (found, expected) = RecordLayout.lengthWords(path, at: record) else {
                return (record, "malformed length word")
            }
            let differing = (found ^ expected).trailingZeroBitCount / 8
            return (
                record + UInt64(differing),
                "length word 0x\(String(found, radix: 16)), expected 0x\(String(expected, radix: 16)) by the "
                    + "record's own lengths (record at \(record))"
            )
        case .padding: return (record, "padding bytes behind the record at \(record) are not zero")
        case .unknownKind(let kind): return (kindPlace, "record kind \(kind), expected 1 to 5")
        case .encoding:
            return (
                kindPlace,
                "the data of the record at \(record) is no message of its kind: the kind, which no checksum "
                    + "covers, or the record's head is wrong"
            )
        case .structure:
            return (
                record,
                "a record where none of its kind belongs (every segment begins with a checksum and a "
                    + "metadata record and has no others; a zero length word ends it)"
            )
        case .implausible:
            return (
                record,
                "a record no log can contain here: an entry at or below the commit index, a term or commit "
                    + "index that goes back, or a changed vote"
            )
        case .truncated:
            return (record, "the segment ends inside the record at \(record), but is not the last one")
        }
    }

    private static func firstChecksum(_ path: String) -> UInt32? {
        RecordLayout(path, at: 0).flatMap { $0.kind == 4 ? $0.checksum : nil }
    }
}

private func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (String(path[..<slash]), String(path[path.index(after: slash)...]))
}

private func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }

private func hexName(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}
