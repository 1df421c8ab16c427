import Backend
import Glibc
import Journal
import MVCC
import Raft
import Store

extension BackendError {
    /// Whether the file itself is at fault, so that it must be rebuilt.
    var isDamage: Bool {
        switch self {
        case .corrupted, .truncated: true
        case .locked, .system, .database, .full, .tooManyReaders, .keyTooLong: false
        }
    }
}

/// The sentence an operator reads.
func describe(_ error: BackendError) -> String {
    switch error {
    case .locked(let path):
        "database \(path) is locked: another process uses this data directory"
    case .corrupted(let path, let offset): "database \(path) is damaged at offset \(offset)"
    case .truncated(let path, let needed, let size):
        "database \(path) ends at offset \(size), but needs \(needed) bytes"
    case .system(let call, let path, let number): "\(call) \(path): \(text(of: number))"
    case .database(let call, EIO):
        "database: \(call): \(text(of: EIO)) (LMDB says so of a full disk, too: no space left on device?)"
    case .database(let call, let code) where code > 0: "database: \(call): \(text(of: code))"
    case .database(let call, let code): "database: \(call) failed with LMDB's code \(code)"
    case .full: "database: no space left on device"
    case .tooManyReaders: "database: all reader slots are taken"
    case .keyTooLong(let size): "database: a key of \(size) bytes is too long"
    }
}

/// The sentence an operator reads.
func describe(_ error: MVCCError) -> String {
    switch error {
    case .backend(let error): describe(error)
    case .compacted(let revision): "revision \(revision) is compacted"
    case .futureRevision: "revision of the future"
    case .damagedRecord(let revision):
        "the record of revision \(revision.main), or the one after it, is damaged (change \(revision.sub))"
    }
}

/// The sentence an operator reads.
func describe(_ error: StoredState.LoadError) -> String {
    switch error {
    case .backend(let error): describe(error)
    case .keys(let error): describe(error)
    case .damaged(let bucket, let key):
        "the record of bucket \(bucket.name) with key \(String(decoding: key, as: UTF8.self)) is damaged"
    case .position(let id):
        "its entry is index \(id.index.rawValue) of term \(id.term.rawValue), not what its name says"
    }
}

/// The sentence an operator reads; a damaged file is named with its offset.
func describe(_ error: JournalError) -> String {
    switch error {
    case .disk(let failure): describe(failure)
    case .stopped(let first): "the log stopped after: \(describe(first))"
    case .alreadyExists(let directory): "there is a log in \(directory) already"
    case .noSegment(let directory, let index):
        "the log in \(directory) does not reach back to index \(index.rawValue), which the database needs"
    case .sequenceGap(let directory, let expected, let found):
        "the log in \(directory) misses segment \(expected); the next one is \(found)"
    case .locked(let path): "\(path) is locked: another process uses this data directory"
    case .corrupt(let path, let offset, let stored, let computed):
        "walpb: crc mismatch in \(path) at offset \(offset): stored \(hex(stored)), computed \(hex(computed))"
    case .malformed(let path, let offset, let fault):
        "damaged record in \(path) at offset \(offset): \(fault)"
    case .torn(let path, let offset): "\(path) ends inside the record at offset \(offset), after one repair"
    case .metadataConflict(let path, let offset):
        "wal: conflicting metadata found in \(path) at offset \(offset)"
    case .gap(let path, let offset, let expected, let found):
        "entries \(expected.rawValue) to \(found.rawValue - 1) are missing in \(path) at offset \(offset)"
    case .snapshotMismatch(let path, let offset, let expected, let found):
        "wal: snapshot mismatch in \(path) at offset \(offset): expected \(expected), found \(found)"
    case .snapshotNotFound(let directory, let id):
        "wal: snapshot not found: the log in \(directory) has no record of index \(id.index.rawValue)"
    case .broken(let directory, let start, let snapshot):
        "the log in \(directory) goes on after the snapshot of index \(snapshot.index.rawValue), which the "
            + "member received: it cannot be read from index \(start.index.rawValue) on"
    case .snapshotCorrupt(let path, let offset, let fault):
        "snapshot \(path) is damaged at offset \(offset): \(fault)"
    case .etcdSnapshot(let path, _): "snapshot \(path) is etcd's own and holds no keys"
    }
}

private func describe(_ error: DiskError) -> String {
    "\(error.operation.rawValue) \(error.path): \(text(of: error.errno))"
}

private func hex(_ value: UInt32) -> String { String(value, radix: 16) }
