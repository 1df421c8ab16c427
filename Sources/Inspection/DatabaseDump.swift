import Backend
import Bolt
import CPlatform
import MVCC
import Terminal
import Transfer
import Wire

/// `etcd-dump-db` on a bbolt file of etcd or an LMDB file of this server: buckets, records, hash, statistics.
package struct DatabaseDump {
    private let path: String
    private let source: StateSource
    private let output: Output

    /// `path`: a database, or a data directory, whose `member/snap/db` is meant.
    package init(_ path: String, to output: Output) throws(Failure) {
        self.output = output
        let database = StateSource.databasePath(path)
        self.path = database
        source = try transfer { () throws(TransferError) in try StateSource(path: database) }
    }

    /// The names of the buckets, one a line.
    package func listBuckets() throws(Failure) {
        for name in try transfer({ () throws(TransferError) in try source.bucketNames() }) {
            output.line(name)
        }
    }

    /// Records of a bucket from the last to the first; `limit` 0: all.
    package func iterate(_ name: String, limit: UInt64, decoding: Bool) throws(Failure) {
        guard let bucket = Bucket(name: name),
            try transfer({ () throws(TransferError) in try source.bucketNames() }).contains(name)
        else { throw Failure("got nil bucket for \(name)") }
        var rest = limit == 0 ? UInt64.max : limit
        try transfer { () throws(TransferError) in
            try source.forEachDescending(in: bucket) { key, value in
                output.line(
                    decoding ? BucketDecoder.decoded(bucket, key, value) : BucketDecoder.plain(key, value))
                rest -= 1
                return rest > 0
            }
        }
    }

    /// The hash of Maintenance.Hash.
    package func hash() throws(Failure) {
        var names = ArraySlice(try transfer { () throws(TransferError) in try source.bucketNames() })
        var hash: UInt32 = 0
        func add(_ bytes: [UInt8]) {
            // The buffer does not leave the closure.
            hash = unsafe bytes.withUnsafeBytes { unsafe platform_crc32c(hash, $0.baseAddress, $0.count) }
        }
        try transfer { () throws(TransferError) in
            try source.forEach { bucket, key, value in
                while let name = names.first, name <= bucket.name {
                    add(Array(name.utf8))
                    names.removeFirst()
                }
                let key = key.copied()
                if bucket == .meta, MetaKey.unhashed.contains(key) { return true }
                add(key)
                add(value.copied())
                return true
            }
        }
        for name in names { add(Array(name.utf8)) }
        output.line("db path: \(path)")
        output.line("Hash: \(hash)")
    }

    /// How the file is filled. Answers false when a bbolt file is damaged; each damage is a line.
    package func statistics() throws(Failure) -> Bool {
        if let file = source.boltFile { return show(file) }
        guard let environment = source.environment else {
            throw Failure("\(path) is a snapshot, not a database")
        }
        do throws(BackendError) { show(try environment.statistics()) } catch { throw Failure("\(error)") }
        return true
    }

    private func show(_ file: BoltFile) -> Bool {
        var damages: [BoltError] = []
        let statistics = file.check { damages.append($0) }
        let pageSize = UInt64(file.meta.pageSize)
        output.line("kind: bbolt")
        output.line("file size: \(file.size)")
        output.line("page size: \(pageSize)")
        output.line("transaction: \(file.meta.transaction)")
        output.line("pages: \(statistics.pages)")
        output.line("branch pages: \(statistics.branchPages)")
        output.line("leaf pages: \(statistics.leafPages)")
        output.line("overflow pages: \(statistics.overflowPages)")
        output.line("free pages: \(statistics.freePages)")
        output.line("free list: \(file.meta.freeList.map { "page \($0)" } ?? "not kept on disk")")
        output.line("bytes in use: \((statistics.pages - statistics.freePages) * pageSize)")
        output.line("bytes reusable: \(statistics.freePages * pageSize)")
        output.line("bytes of keys and values: \(statistics.dataBytes)")
        output.line("buckets: \(statistics.buckets), inline \(statistics.inlineBuckets)")
        output.line("keys: \(statistics.keys)")
        output.line("depth: \(statistics.depth)")
        for damage in damages { output.line("damage: \(damage)") }
        return damages.isEmpty
    }

    private func show(_ statistics: DatabaseStatistics) {
        output.line("kind: LMDB")
        output.line("file size: \(statistics.fileSize)")
        output.line("page size: \(statistics.pageSize)")
        output.line("transaction: \(statistics.transaction)")
        output.line("pages: \(statistics.pages)")
        output.line("free pages: \(statistics.freePages)")
        output.line("bytes in use: \((statistics.pages - statistics.freePages) * statistics.pageSize)")
        output.line("bytes reusable: \(statistics.reusablePages * statistics.pageSize)")
        let oldest = statistics.oldestReader.map { "process \($0.process) at transaction \($0.transaction)" }
        output.line("oldest reader: \(oldest ?? "none")")
        output.line("readers: \(statistics.readers.count)")
        output.line("bucket\trecords\tdepth\tbranch pages\tleaf pages\toverflow pages")
        for bucket in Bucket.allCases {
            guard let tree = statistics.buckets[bucket] else { continue }
            output.line(
                "\(bucket.name)\t\(tree.records)\t\(tree.depth)\t\(tree.branchPages)\t\(tree.leafPages)\t"
                    + "\(tree.overflowPages)")
        }
    }
}

/// Runs `body`, giving a transfer's failure the tools' type.
func transfer<R: ~Copyable>(_ body: () throws(TransferError) -> R) throws(Failure) -> R {
    do throws(TransferError) { return try body() } catch { throw Failure("\(error)") }
}
