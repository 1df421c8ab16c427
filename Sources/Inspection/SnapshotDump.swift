import Backend
import Journal
import MVCC
import Raft
import Terminal
import Transfer
import Wire

/// `etcd-dump-snap`: what is in a snapshot. Ours in every detail, etcd's own `.snap` files as far as they go.
package struct SnapshotDump {
    private let path: String
    private let output: Output
    private let isQuiet: Bool

    /// `path`: a file, or a data directory, whose newest `.snap` file is meant.
    package init(_ path: String, to output: Output, isQuiet: Bool) throws(Failure) {
        self.output = output
        self.isQuiet = isQuiet
        self.path = try Self.file(path)
    }

    private static func file(_ path: String) throws(Failure) -> String {
        let disk = SystemDisk()
        do throws(DiskError) {
            guard try disk.list(path) != nil else { throw DiskError(.list, path: path, errno: 0) }
        } catch {
            return path  // no directory
        }
        let directory = SnapshotDirectory(path + "/member/snap")
        guard let newest = try journal({ () throws(JournalError) in try directory.snapshots() }).first else {
            throw Failure("no .snap file in \(directory.path)")
        }
        return directory.path(of: newest)
    }

    /// Header, raft metadata, counts by bucket; everything is read and the digest compared.
    package func describe() throws(Failure) {
        let summary: SnapshotSummary
        do throws(JournalError) {
            var reader = try SnapshotReader(path: path)
            summary = reader.summary
            show(summary)
            output.flush()
            try reader.verify()
        } catch .etcdSnapshot(_, let metadata) {
            output.line("path: \(path)")
            output.line("kind: etcd's own (a v2 store: members and cluster version, no keys); checksum right")
            show(metadata)
            return
        } catch {
            throw Failure("\(error)")
        }
        output.line("digest: \(hexText(summary.digest)) (right)")
        let status = try read()
        output.line("revision: \(status.revision)")
        output.line("bucket\trecords\tbytes")
        for bucket in Bucket.allCases {
            let count = status.buckets[bucket] ?? StateStatus.Count()
            output.line("\(bucket.name)\t\(count.records)\t\(count.bytes)")
        }
    }

    private func show(_ summary: SnapshotSummary) {
        output.line("path: \(path)")
        output.line("kind: swift-etcd snapshot")
        output.line("size: \(summary.fileSize) bytes, \(summary.rawSize) before compression")
        output.line("records: \(summary.recordCount)")
        show(summary.metadata)
    }

    private func show(_ metadata: SnapshotMetadata) {
        output.line("term: \(metadata.id.term.rawValue)")
        output.line("index: \(metadata.id.index.rawValue)")
        output.line("configuration: \(json(metadata.configuration))")
    }

    private func read() throws(Failure) -> StateStatus {
        try transfer { () throws(TransferError) in
            let source = try StateSource(path: path)
            let bar = ProgressBar("reading", total: 0, isQuiet: isQuiet)
            defer { bar.finish() }
            return try StateStatus(of: source, progress: bar.update)
        }
    }

    /// What is known of a live key while its records go by.
    private struct Live {
        var record: StoredKeyValue
    }

    /// The keys with this prefix that live at the snapshot's revision, in order; memory for those keys.
    package func listKeys(prefix: [UInt8]) throws(Failure) {
        var live: [[UInt8]: Live] = [:]
        try forEachChange { revision, record in
            guard record.key.starts(with: prefix) else { return }
            if revision.isTombstone {
                live[record.key] = nil
            } else {
                live[record.key] = Live(record: record)
            }
        }
        output.line("key\tmod\tcreated\tversion\tlease\tvalue bytes")
        for key in live.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let record = live[key]?.record else { continue }
            output.line(
                "\(goQuoted(key))\t\(record.modRevision)\t\(record.createRevision)\t\(record.version)\t"
                    + "\(Self.hexLease(record))\t\(record.value.count)")
        }
    }

    /// Every change of one key that the snapshot holds, the oldest first. Answers false when there is none.
    package func showKey(_ key: [UInt8]) throws(Failure) -> Bool {
        var count = 0
        try forEachChange { revision, record in
            guard record.key == key else { return }
            count += 1
            if revision.isTombstone {
                output.line("rev=\(revision.main)/\(revision.sub) deleted")
            } else {
                let lease =
                    record.lease == 0 ? "" : " lease=\(Self.hexLease(record))"
                output.line(
                    "rev=\(revision.main)/\(revision.sub) created=\(record.createRevision) "
                        + "ver=\(record.version)\(lease) val=\(goQuoted(record.value))")
            }
        }
        return count > 0
    }

    private static func hexLease(_ record: StoredKeyValue) -> String {
        String(UInt64(bitPattern: record.lease), radix: 16)
    }

    /// Every record as a JSON object, one a line; keys and values in base64.
    package func export() throws(Failure) {
        try transfer { () throws(TransferError) in
            try StateSource(path: path).forEach { bucket, key, value in
                output.line(Self.recordJSON(bucket, key, value))
                return true
            }
        }
    }

    private static func recordJSON(_ bucket: Bucket, _ key: borrowing RawSpan, _ value: borrowing RawSpan)
        -> String
    {
        guard bucket == .key, let revision = EtcdRevisionKey(etcd: key), let record = StoredKeyValue(value)
        else {
            return
                "{\"bucket\":\"\(bucket.name)\",\"key\":\"\(base64(key.copied()))\","
                + "\"value\":\"\(base64(value.copied()))\"}"
        }
        var text = "{\"bucket\":\"key\",\"main\":\(revision.main),\"sub\":\(revision.sub)"
        text += ",\"tombstone\":\(revision.isTombstone),\"key\":\"\(base64(record.key))\""
        if !revision.isTombstone {
            text += ",\"create_revision\":\(record.createRevision),\"mod_revision\":\(record.modRevision)"
            text += ",\"version\":\(record.version),\"value\":\"\(base64(record.value))\""
            if record.lease != 0 { text += ",\"lease\":\(record.lease)" }
        }
        return text + "}"
    }

    private func forEachChange(_ body: (EtcdRevisionKey, StoredKeyValue) -> Void) throws(Failure) {
        var damage: String?
        try transfer { () throws(TransferError) in
            try StateSource(path: path).forEach { bucket, key, value in
                guard bucket == .key else { return true }
                guard let revision = EtcdRevisionKey(etcd: key), let record = StoredKeyValue(value) else {
                    damage =
                        "\(path): a record of bucket key does not decode: \(BucketDecoder.plain(key, value))"
                    return false
                }
                body(revision, record)
                return true
            }
        }
        if let damage { throw Failure(damage) }
    }
}
