import Backend
import Journal
import MVCC
import Raft
import Replication
import Store

/// A snapshot on its way to another member: the sender's records as of one commit of its database.
final class SnapshotStream {
    struct Record {
        var bucket: Bucket
        var key: [UInt8]
        var value: [UInt8]
    }

    let sender: BootID
    /// The message it stands for, naming the state that is really sent.
    let message: Message
    let metadata: SnapshotMetadata
    let records: [Record]

    init(sender: BootID, message: Message, metadata: SnapshotMetadata, records: [Record]) {
        self.sender = sender
        self.message = message
        self.metadata = metadata
        self.records = records
    }
}

/// Snapshots: written for oneself, sent to others, received and installed.
extension Member {
    /// Writes a `.snap` file of the newest commit, records it and purges what is older.
    func takeSnapshot(_ running: Running) {
        running.isSnapshotPlanned = false
        flush(running)
        do {
            guard let (metadata, records) = try records(running) else {
                return handle(.snapshotFailed, in: running)
            }
            try write(metadata, records)
            // One received meanwhile stands for more: this file has come too late to count.
            if let recorded = running.log?.snapshotted, metadata.id.index >= recorded {
                try running.log?.saveSnapshot(metadata)
                try release(metadata, running)
            }
            _ = try snapshots.purge(maxSnapshots: cluster.scenario.snapshotsMax)
            handle(.snapshotted(metadata.id), in: running)
        } catch {
            // A failed write of the log stops the daemon; a failed snapshot file does not.
            if running.log?.failure != nil { return stop(running, "\(error)") }
            handle(.snapshotFailed, in: running)
        }
    }

    /// What a recorded snapshot makes superfluous goes.
    func release(_ metadata: SnapshotMetadata, _ running: Running) throws(JournalError) {
        running.log?.release(upTo: metadata.id.index)
        _ = try running.log?.purge(maxWALs: cluster.scenario.walsMax)
    }

    private var snapshots: SnapshotDirectory { SnapshotDirectory(Member.snapshotDirectory, disk: disk) }

    /// Everything in the database; nil while nothing was ever flushed to it.
    private func records(
        _ running: Running
    ) throws -> (SnapshotMetadata, [SnapshotStream.Record])? {
        let transaction = try running.environment.read()
        guard let metadata = try StoredState.position(in: transaction) else { return nil }
        var records: [SnapshotStream.Record] = []
        for bucket in Bucket.allCases {
            try transaction.forEach(bucket) { key, value in
                // The spans are copied before they end.
                let (key, value) = (copy(of: key), copy(of: value))
                records.append(SnapshotStream.Record(bucket: bucket, key: key, value: value))
                return true
            }
        }
        return (metadata, records)
    }

    private func write(_ metadata: SnapshotMetadata, _ records: [SnapshotStream.Record]) throws(JournalError)
    {
        var writer = try SnapshotWriter(in: snapshots, metadata: metadata)
        for record in records {
            // The spans do not outlive the record.
            try unsafe writer.append(
                bucket: record.bucket.name, key: record.key.span.bytes, value: record.value.span.bytes)
        }
        _ = try writer.finish()
    }

    /// Streams the newest flushed state in place of a snapshot message.
    func sendSnapshot(to message: Message, _ running: Running) {
        flush(running)
        do {
            guard let (metadata, records) = try records(running),
                case .snapshot(let named) = message.payload, metadata.id.index >= named.id.index
            else { return handle(.snapshotSent(to: message.to, hasArrived: false), in: running) }
            var message = message
            message.payload = .snapshot(metadata)
            let stream = SnapshotStream(
                sender: running.boot, message: message, metadata: metadata, records: records)
            plan(.snapshotArrives(stream), in: chance.skewed(1_000, 2_000_000))
        } catch {
            cluster.referee.fail("member \(place) cannot read its database: \(error)")
        }
    }

    /// Puts a received snapshot in the place of the state machine; false when the member went down.
    func restore(_ metadata: SnapshotMetadata, _ running: Running) -> Bool {
        do {
            let load = try load(metadata.id, into: database)
            let received = try ReceivedState.read(load, metadata: metadata, beside: running.environment)
            try running.machine.restore(received)
        } catch {
            cluster.referee.fail("member \(place) cannot install a snapshot: \(error)")
            return false
        }
        cluster.note("member \(place) has installed the snapshot at \(metadata.id.index.rawValue)")
        compare(running)
        releaseReaders(running)
        planFlush(running)
        tellWatchers(running)
        handle(.applied(metadata.id.index), in: running)
        return self.running === running
    }

    /// A database made of a snapshot file, beside the present one.
    func load(_ id: EntryID, into database: String) throws -> BulkLoad {
        var reader = try SnapshotReader(path: snapshots.path(of: id), disk: disk)
        var load = try BulkLoad(replacing: database)
        while try reader.next() {
            guard let bucket = Bucket(name: reader.bucket) else { preconditionFailure("an unknown bucket") }
            let (key, value) = reader.withRecord { (copy(of: $0), copy(of: $1)) }
            try load.add(bucket, key: key, value: value)
        }
        return load
    }

    /// Takes a whole stream: the file is complete, verified and durable before raft hears of it.
    func receive(_ stream: SnapshotStream, _ running: Running) -> Bool {
        do throws(JournalError) {
            try write(stream.metadata, stream.records)
            var reader = try SnapshotReader(path: snapshots.path(of: stream.metadata.id), disk: disk)
            try reader.verify()
        } catch {
            return false
        }
        handle(.message(stream.message), in: running)
        if cluster.phase == .wild, chance.happens(150) {
            plan(.crash(running.boot), in: chance.between(0, 20_000))
        }
        return true
    }
}

private func copy(of bytes: borrowing RawSpan) -> [UInt8] {
    // The buffer does not leave the closure; Array copies it.
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
}
