import EtcdAPI
import MVCC
import Wire

/// Txns that may write (api.md 12.5).
extension StateMachine {
    func applyTransaction(
        in bytes: borrowing RawSpan, _ at: Range<Int>, isAwaited: Bool
    ) throws(MVCCError) -> Outcome? {
        guard let transaction = decode({ () throws(WireError) in try Transaction(decoding: bytes, at: at) })
        else { return nil }
        if transaction.hasEmptyKey { return .failure(.keyNotProvided) }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        if alarms.isActive(.noSpace), transaction.quotaCost > 0 { return .failure(.noSpace) }
        let before = keyspace.beginWrite()
        var path = try TransactionPath(of: transaction) { (range, revision, options) throws(MVCCError) in
            try before.select(range, revision: revision, options: options)
        }
        if let refusal = try refusal(of: path.operations(of: transaction), in: bytes, before) {
            return .failure(refusal)
        }
        before.commit()
        return try write { (write) throws(MVCCError) in
            var response: [UInt8] = []
            response.reserveCapacity(64)
            let earlier = counts.operations
            try execute(transaction, &path, in: bytes, isAwaited: isAwaited, &write, into: &response)
            if counts.operations > earlier + 1 { counts.txns += 1 }
            return .txn(revision: write.revision, response: response)
        }
    }

    /// Everything that could fail is looked for before anything is done: first the puts, then the ranges.
    private func refusal(
        of operations: [Transaction.Operation], in bytes: borrowing RawSpan, _ before: borrowing KeyspaceWrite
    ) throws(MVCCError) -> StoreError? {
        for case .put(let command) in operations {
            if command.ignoreValue || command.ignoreLease,
                try record(of: bytes.copied(command.key), in: before) == nil
            {
                return .keyNotFound
            }
            if command.lease != 0, !lessor.exists(id: command.lease) { return .leaseNotFound }
        }
        for case .range(let query) in operations {
            let refusal = query.refusal(
                current: before.beginRevision, compacted: keyspace.compactedRevision)
            if let refusal { return refusal }
        }
        return nil
    }

    /// Does the chosen branch and appends TxnResponse from field 2 on. Ranges for nobody are not read.
    private func execute(
        _ transaction: Transaction, _ path: inout TransactionPath, in bytes: borrowing RawSpan,
        isAwaited: Bool, _ write: inout KeyspaceWrite, into response: inout [UInt8]
    ) throws(MVCCError) {
        let holds = path.take()
        response.appendField(TxnResponse.Field.succeeded, holds)
        for operation in transaction.operations(ifHolds: holds) {
            switch operation {
            case .range(let query):
                if isAwaited { try read(query, in: write, into: &response) }
            case .put(let command):
                try put(command, in: bytes, &write, into: &response)
            case .deleteRange(let command):
                try delete(command, &write, into: &response)
            case .transaction(let nested):
                // The header is there and empty, unlike those of the operations in it (api.md 2.4).
                var message: [UInt8] = []
                message.appendRevisionHeader(0)
                try execute(nested, &path, in: bytes, isAwaited: isAwaited, &write, into: &message)
                response.appendOperation(ResponseOp.Field.responseTxn, message)
            case .empty:
                break
            }
        }
    }

    private func read(
        _ query: RangeQuery, in write: borrowing KeyspaceWrite, into response: inout [UInt8]
    ) throws(MVCCError) {
        counts.ranges += 1
        let revision = write.revision
        let answer = try RangeAnswer(query) { (range, at, options) throws(MVCCError) in
            try write.select(range, revision: at, options: options)
        }
        defer { answer.release() }
        try response.appendOperation(answer, revision: revision)
    }

    private func put(
        _ command: PutCommand, in bytes: borrowing RawSpan, _ write: inout KeyspaceWrite,
        into response: inout [UInt8]
    ) throws(MVCCError) {
        let previous = try command.needsPrevious ? record(of: bytes.copied(command.key), in: write) : nil
        put(command, in: bytes, over: previous, to: &write)
        var message: [UInt8] = []
        message.appendRevisionHeader(write.revision)
        if command.wantsPrevious, let previous {
            message.appendField(PutResponse.Field.prevKv, always: previous)
        }
        response.appendOperation(ResponseOp.Field.responsePut, message)
    }

    private func delete(
        _ command: DeleteRangeCommand, _ write: inout KeyspaceWrite, into response: inout [UInt8]
    ) throws(MVCCError) {
        let deletion = try delete(command, in: &write)
        var message: [UInt8] = []
        message.appendRevisionHeader(write.revision)
        message.appendField(DeleteRangeResponse.Field.deleted, Int64(deletion.count))
        for record in deletion.records {
            message.appendField(DeleteRangeResponse.Field.prevKvs, always: record)
        }
        response.appendOperation(ResponseOp.Field.responseDeleteRange, message)
    }
}
