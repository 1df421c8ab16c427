import Glibc
import Raft

extension JournalError: CustomStringConvertible {
    /// The sentence an operator reads; a damaged file is named with its offset.
    package var description: String {
        switch self {
        case .disk(let failure): failure.description
        case .stopped(let first): "the log stopped after: \(first.description)"
        case .alreadyExists(let directory): "there is a log in \(directory) already"
        case .noSegment(let directory, let index):
            "the log in \(directory) does not reach back to index \(index.rawValue), which the database needs"
        case .sequenceGap(let directory, let expected, let found):
            "the log in \(directory) misses segment \(expected); the next one is \(found)"
        case .locked(let path): "\(path) is locked: another process uses this data directory"
        case .corrupt(let path, let offset, let stored, let computed):
            "walpb: crc mismatch in \(path) at offset \(offset): "
                + "stored \(hex(stored)), computed \(hex(computed))"
        case .malformed(let path, let offset, let fault):
            "damaged record in \(path) at offset \(offset): \(fault)"
        case .torn(let path, let offset):
            "\(path) ends inside the record at offset \(offset), after one repair"
        case .metadataConflict(let path, let offset):
            "wal: conflicting metadata found in \(path) at offset \(offset)"
        case .gap(let path, let offset, let expected, let found):
            "entries \(expected.rawValue) to \(found.rawValue - 1) are missing in \(path) at offset \(offset)"
        case .snapshotMismatch(let path, let offset, let expected, let found):
            "wal: snapshot mismatch in \(path) at offset \(offset): expected \(expected), found \(found)"
        case .snapshotNotFound(let directory, let id):
            "wal: snapshot not found: the log in \(directory) has no record of index \(id.index.rawValue)"
        case .broken(let directory, let start, let snapshot):
            "the log in \(directory) goes on after the snapshot of index \(snapshot.index.rawValue), which "
                + "the member received: it cannot be read from index \(start.index.rawValue) on"
        case .snapshotCorrupt(let path, let offset, let fault):
            "snapshot \(path) is damaged at offset \(offset): \(fault)"
        case .etcdSnapshot(let path, _): "snapshot \(path) is etcd's own and holds no keys"
        }
    }
}

extension DiskError: CustomStringConvertible {
    package var description: String { "\(operation.rawValue) \(path): \(text(of: errno))" }
}

private func hex(_ value: UInt32) -> String { String(value, radix: 16) }

/// The system's sentence for an errno.
private func text(of number: Int32) -> String {
    // strerror's buffer is copied before any other call of this thread can reuse it.
    unsafe String(cString: strerror(number))
}
