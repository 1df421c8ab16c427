import Backend
import Journal
import Raft
import Store

/// Why a snapshot file did not become a database.
enum SnapshotLoadError: Error {
    case journal(JournalError)
    case backend(BackendError)
    /// What it holds cannot be the state it is said to be.
    case state(StoredState.LoadError)
    /// A bucket no version of this program has.
    case unknownBucket(path: String, name: String)
}

extension BulkLoad {
    /// Adds every record of a `.snap` file; its blocks, counts and digest are checked on the way.
    mutating func add(contentsOf path: String) throws(SnapshotLoadError) {
        var reader: SnapshotReader
        do throws(JournalError) { reader = try SnapshotReader(path: path) } catch { throw .journal(error) }
        while true {
            let isAtRecord: Bool
            do throws(JournalError) { isAtRecord = try reader.next() } catch { throw .journal(error) }
            guard isAtRecord else { return }
            guard let bucket = Bucket(name: reader.bucket) else {
                throw .unknownBucket(path: path, name: reader.bucket)
            }
            let (key, value) = reader.withRecord { key, value in (copy(of: key), copy(of: value)) }
            do throws(BackendError) { try add(bucket, key: key, value: value) } catch {
                throw .backend(error)
            }
        }
    }
}

extension ReceivedState {
    /// The state a received snapshot file holds, ready to replace the one in `environment`.
    static func read(
        _ path: String, _ metadata: SnapshotMetadata, beside environment: Environment
    ) throws(SnapshotLoadError) -> ReceivedState {
        var load: BulkLoad
        do throws(BackendError) { load = try BulkLoad(replacing: environment.path) } catch {
            throw .backend(error)
        }
        try load.add(contentsOf: path)
        do throws(StoredState.LoadError) {
            return try ReceivedState.read(load, metadata: metadata, beside: environment)
        } catch {
            throw .state(error)
        }
    }
}

private func copy(of bytes: borrowing RawSpan) -> [UInt8] {
    // The buffer does not leave the closure; Array copies it.
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
}

/// The sentence an operator reads.
func describe(_ error: SnapshotLoadError) -> String {
    switch error {
    case .journal(let error): describe(error)
    case .backend(let error): describe(error)
    case .state(let error): describe(error)
    case .unknownBucket(let path, let name): "snapshot \(path) has a bucket named \(name)"
    }
}
