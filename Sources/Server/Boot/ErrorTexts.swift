import Backend
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
func describe(_ error: BackendError) -> String { error.description }

/// The sentence an operator reads.
func describe(_ error: MVCCError) -> String { error.description }

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
func describe(_ error: JournalError) -> String { error.description }
