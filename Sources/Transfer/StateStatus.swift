import Backend
import Bolt
import CPlatform
import MVCC

/// What `snapshot status` says of a state.
package struct StateStatus: Equatable, Sendable {
    /// CRC-32C over every bucket's name, keys and values in order, nothing left out.
    package var hash: UInt32 = 0
    /// Main revision of the newest record; 0 when there is none.
    package var revision: Int64 = 0
    /// Records of all buckets, as etcdctl 3.4 and etcdutl 3.5 count.
    package var totalKeys = 0
    /// Bytes of the database, without a digest behind it.
    package var totalSize: UInt64 = 0
    /// `storageVersion` of bucket meta (3.6 and later).
    package var version: String?
    /// Records and their bytes of each bucket that has any.
    package var buckets: [Bucket: Count] = [:]

    /// What one bucket holds.
    package struct Count: Equatable, Sendable {
        package var records = 0
        package var bytes: UInt64 = 0

        package init() {}
    }

    /// Reads all of `source`; `progress` gets the bytes of the records so far.
    package init(of source: StateSource, progress: (UInt64) -> Void = { _ in }) throws(TransferError) {
        var names = ArraySlice(try source.bucketNames())
        var (status, done) = (StateStatus(), 0 as UInt64)
        func hash(_ name: String) {
            status.hash = name.utf8.reduce(into: status.hash) { hash, byte in
                var byte = byte
                hash = unsafe platform_crc32c(hash, &byte, 1)
            }
        }
        try source.forEach { bucket, key, value in
            while let name = names.first, name <= bucket.name {
                hash(name)
                names.removeFirst()
            }
            // The buffers do not leave the closures.
            status.hash = unsafe key.withUnsafeBytes {
                unsafe platform_crc32c(status.hash, $0.baseAddress, $0.count)
            }
            status.hash = unsafe value.withUnsafeBytes {
                unsafe platform_crc32c(status.hash, $0.baseAddress, $0.count)
            }
            status.totalKeys += 1
            let bytes = UInt64(key.byteCount + value.byteCount)
            status.buckets[bucket, default: Count()].records += 1
            status.buckets[bucket, default: Count()].bytes += bytes
            if bucket == .key { status.revision = EtcdRevisionKey(etcd: key)?.main ?? status.revision }
            if bucket == .meta, copy(of: key) == Array("storageVersion".utf8) {
                status.version = String(decoding: copy(of: value), as: UTF8.self)
            }
            done += bytes
            progress(done)
            return true
        }
        for name in names { hash(name) }
        status.totalSize = source.boltFile.map { $0.meta.highWater * UInt64($0.meta.pageSize) } ?? source.size
        self = status
    }

    private init() {}
}

extension StateSource {
    /// The buckets there are, also the empty ones, in order.
    package func bucketNames() throws(TransferError) -> [String] {
        guard let file = boltFile else { return Bucket.allCases.map(\.name) }
        return try bolt { () throws(BoltError) in try file.buckets() }
            .map { String(decoding: $0.name, as: UTF8.self) }
    }
}
