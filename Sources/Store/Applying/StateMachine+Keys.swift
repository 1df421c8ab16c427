import MVCC
import Wire

/// Put, DeleteRange, Range and Compaction (api.md 12).
extension StateMachine {
    func applyPut(in bytes: borrowing RawSpan, _ at: Range<Int>) throws(MVCCError) -> Outcome? {
        guard let command = decode({ () throws(WireError) in try PutCommand(decoding: bytes, at: at) }),
            !command.key.isEmpty
        else { return nil }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        if alarms.isActive(.noSpace) { return .failure(.noSpace) }
        if command.lease != 0, !lessor.exists(id: command.lease) { return .failure(.leaseNotFound) }
        var write = keyspace.beginWrite()
        let previous = try command.needsPrevious ? record(of: bytes.copied(command.key), in: write) : nil
        if previous == nil, command.ignoreValue || command.ignoreLease { return .failure(.keyNotFound) }
        put(command, in: bytes, over: previous, to: &write)
        let revision = write.revision
        write.commit()
        return .put(revision: revision, previous: command.wantsPrevious ? previous : nil)
    }

    /// Does a put whose conditions were checked; `previous` is the stored pair when it is needed.
    func put(
        _ command: PutCommand, in bytes: borrowing RawSpan, over previous: [UInt8]?,
        to write: inout KeyspaceWrite
    ) {
        let key = bytes.extracting(command.key)
        counts.puts += 1
        counts.putBytes += command.key.count + command.value.count
        guard command.ignoreValue || command.ignoreLease, let previous,
            let stored = unsafe StoredPair(previous.span.bytes)
        else {
            write.put(key: key, value: bytes.extracting(command.value), lease: command.lease)
            lessor.attach(key, to: command.lease)
            return
        }
        let lease = command.ignoreLease ? stored.lease : command.lease
        if command.ignoreValue {
            unsafe write.put(key: key, value: previous.span.bytes.extracting(stored.value), lease: lease)
        } else {
            write.put(key: key, value: bytes.extracting(command.value), lease: lease)
        }
        lessor.attach(key, to: lease)
    }

    /// The stored KeyValue of a key that lives, as the write sees it.
    func record(of key: [UInt8], in write: borrowing KeyspaceWrite) throws(MVCCError) -> [UInt8]? {
        let selection = try write.select(KeyRange(key: key))
        defer { selection.release() }
        return selection.matches.isEmpty ? nil : try selection.record(0)
    }

    func applyDeleteRange(in bytes: borrowing RawSpan, _ at: Range<Int>) throws(MVCCError) -> Outcome? {
        guard
            let command = decode({ () throws(WireError) in try DeleteRangeCommand(decoding: bytes, at: at) }),
            !command.key.isEmpty
        else { return nil }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        return try write { (write) throws(MVCCError) in
            let deletion = try delete(command, in: &write)
            return .deleteRange(
                revision: write.revision, deleted: Int64(deletion.count), previous: deletion.records)
        }
    }

    func delete(
        _ command: DeleteRangeCommand, in write: inout KeyspaceWrite
    ) throws(MVCCError) -> Deletion {
        counts.deletes += 1
        let deletion = try write.delete(
            KeyRange(key: command.key, rangeEnd: command.rangeEnd),
            DeletionRequest(wantsRecords: command.wantsPrevious))
        for key in deletion.leasedKeys { lessor.detach(key) }
        return deletion
    }

    /// Ranges do not come through the log of this server; those of others are answered all the same.
    func applyRange(in bytes: borrowing RawSpan, _ at: Range<Int>) throws(MVCCError) -> Outcome? {
        guard let query = decode({ () throws(WireError) in try RangeQuery(decoding: bytes, at: at) }),
            !query.key.isEmpty
        else { return nil }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        do {
            counts.ranges += 1
            let answer = try RangeAnswer.select(query, from: keyspace.makeReader())
            defer { answer.release() }
            var response: [UInt8] = []
            try answer.append(to: &response)
            return .range(revision: answer.revision, response: response)
        } catch let error as ReadError {
            switch error {
            case .refused(let refusal): return .failure(refusal)
            case .failed(let failure): throw failure
            }
        } catch let error as MVCCError {
            throw error
        } catch {
            preconditionFailure("the two above are all there are")
        }
    }

    func applyCompaction(in bytes: borrowing RawSpan, _ at: Range<Int>) throws(MVCCError) -> Outcome? {
        guard let numbers = numbers(in: bytes, at) else { return nil }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        let revision = Int64(bitPattern: numbers[1] ?? 0)
        let compacted = self.compacted
        do {
            try keyspace.compact(at: revision, completion: { compacted(revision) })
        } catch {
            guard let refusal = StoreError(error) else { throw error }
            return .failure(refusal)
        }
        return .compaction(revision: keyspace.currentRevision, compacted: revision)
    }

    /// Requests in the log were decoded by their proposer before; what cannot be read has no effect, on
    /// every member alike.
    func decode<Request>(_ body: () throws(WireError) -> Request) -> Request? {
        do { return try body() } catch { return nil }
    }

    /// The varint fields of a small message, by number; the last of each holds.
    func numbers(in bytes: borrowing RawSpan, _ at: Range<Int>) -> [Int: UInt64]? {
        var numbers: [Int: UInt64] = [:]
        var cursor = WireCursor(range: at)
        do {
            while let field = try cursor.next(in: bytes) {
                if case .varint(let number) = field.value { numbers[field.number] = number }
            }
        } catch { return nil }
        return numbers
    }
}

extension PutCommand {
    /// Whether the pair that is replaced has to be read.
    var needsPrevious: Bool { wantsPrevious || ignoreValue || ignoreLease }
}
