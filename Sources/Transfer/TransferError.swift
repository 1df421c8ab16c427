import Backend
import Bolt
import Journal
import MVCC
import Store

/// Why the state of a member could not be moved.
package enum TransferError: Error, Sendable {
    case backend(BackendError)
    case bolt(BoltError)
    case journal(JournalError)
    case keyspace(MVCCError)
    case state(StoredState.LoadError)
    /// A file of no kind that is known here.
    case unknownFile(path: String)
    case missing(path: String)
    case system(call: String, path: String, errno: Int32)
    /// A bucket or a key etcd does not have; where it is not known, the key.
    case unknownBucket(path: String, name: String)
    case badRevisionKey(path: String, key: [UInt8])
    case hashMissing
    case hashMismatch(expected: [UInt8], found: [UInt8])
    case directoryNotEmpty(String)
    case logDirectoryExists(String)
    /// The log beside a database ends before, or begins behind, what the database says of itself.
    case logDoesNotReach(directory: String, index: UInt64)
    /// The log holds a request that the target version does not know.
    case newerEntry(index: UInt64, target: String)
    /// A real etcd's database where one of this server is needed.
    case notOurs(path: String)
}

extension TransferError: CustomStringConvertible {
    /// etcd's text where etcd has one.
    package var description: String {
        switch self {
        case .backend(let error): "\(error)"
        case .bolt(let error): "\(error)"
        case .journal(let error): "\(error)"
        case .keyspace(let error): "\(error)"
        case .state(let error): "\(error)"
        case .unknownFile(let path):
            "\(path) is neither a snapshot, nor a database of etcd, nor one of this server"
        case .missing(let path): "\"\(path)\" does not exist"
        case .system(let call, let path, let errno): "\(call) \(path): errno \(errno)"
        case .unknownBucket(let path, let name): "\(path) has a bucket \(name) that etcd does not know"
        case .badRevisionKey(let path, let key): "\(path): the key \(key) of bucket key is no revision"
        case .hashMissing: "snapshot missing hash but --skip-hash-check=false"
        case .hashMismatch(let expected, let found):
            "expected sha256 \(Self.goText(expected)), got \(Self.goText(found))"
        case .directoryNotEmpty(let path): "data-dir \"\(path)\" not empty or could not be read"
        case .logDirectoryExists(let path): "wal-dir \"\(path)\" exists"
        case .logDoesNotReach(let directory, let index):
            "the log in \(directory) does not continue the database, which is at index \(index)"
        case .newerEntry(let index, let target):
            "cannot downgrade storage to \(target): the log holds a newer request at index \(index)"
        case .notOurs(let path): "\(path) is the database of a real etcd: restore it first"
        }
    }

    /// A byte slice as Go prints it.
    private static func goText(_ bytes: [UInt8]) -> String {
        "[" + bytes.map(String.init).joined(separator: " ") + "]"
    }
}

/// Runs `body`, giving a module's failure the type of this one.
func backend<R: ~Copyable>(_ body: () throws(BackendError) -> R) throws(TransferError) -> R {
    do throws(BackendError) { return try body() } catch { throw .backend(error) }
}

func bolt<R: ~Copyable>(_ body: () throws(BoltError) -> R) throws(TransferError) -> R {
    do throws(BoltError) { return try body() } catch { throw .bolt(error) }
}

func journal<R: ~Copyable>(_ body: () throws(JournalError) -> R) throws(TransferError) -> R {
    do throws(JournalError) { return try body() } catch { throw .journal(error) }
}

func onKeyspace<R: ~Copyable>(_ body: () throws(MVCCError) -> R) throws(TransferError) -> R {
    do throws(MVCCError) { return try body() } catch { throw .keyspace(error) }
}
