import Backend
import Bolt
import MVCC
import Terminal
import Transfer

/// `etcd-dump-db scan-keys`: the records of bucket `key` page after page, without the trees that lead to
/// them, so that a damaged file still gives away what it holds. Records of pages that are free by now are
/// among them.
package struct KeyScan {
    private let path: String
    private let output: Output

    /// `path`: a database, or a data directory, whose `member/snap/db` is meant.
    package init(_ path: String, to output: Output) {
        self.path = StateSource.databasePath(path)
        self.output = output
    }

    /// Prints the records from main revision `start` on; pages that cannot be read are named on standard
    /// error.
    package func run(from start: Int64) throws(Failure) {
        let path = path
        switch try transfer({ () throws(TransferError) in try StateSource.kind(of: path) }) {
        case .bbolt:
            do throws(BoltError) {
                try BoltScan(path: path).forEach(report: { report("\($0)") }) { place, key, value in
                    guard let revision = EtcdRevisionKey(etcd: key), revision.main >= start else { return }
                    show(place.page, place.index, place.indexLast, revision, value)
                }
            } catch {
                throw Failure("\(error)")
            }
        case .database:
            do throws(BackendError) {
                try PageScan(path: path).forEach(report: { report("\($0)") }) { place, key, value in
                    // The spans end with the calls.
                    guard let revision = unsafe EtcdRevisionKey(stored: key.span.bytes),
                        revision.main >= start
                    else { return }
                    unsafe show(place.page, place.index, place.indexLast, revision, value.span.bytes)
                }
            } catch {
                throw Failure("\(error)")
            }
        case .snapshot: throw Failure("\(path) is a snapshot, not a database")
        }
    }

    /// A key of another bucket can look like a revision; its value then is no KeyValue.
    private func show(
        _ page: UInt64, _ index: Int, _ last: Int, _ revision: EtcdRevisionKey, _ value: borrowing RawSpan
    ) {
        guard let record = StoredKeyValue(value), !record.key.isEmpty else { return }
        output.line("pageID=\(page), index=\(index)/\(last), " + BucketDecoder.text(of: record, at: revision))
    }
}
