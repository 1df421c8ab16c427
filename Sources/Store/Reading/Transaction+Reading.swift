import EtcdAPI
import MVCC
import Wire

extension Transaction {
    /// What a read-only Txn answers: TxnResponse from field 2 on, and the revision of its header.
    package struct Answer: Sendable, Equatable {
        package var revision: Int64
        package var response: [UInt8]
        /// Ranges that were executed.
        package var ranges = 0
    }

    /// Evaluates a read-only Txn (`isReadOnly`) on the newest state, all of it at one revision.
    package func read(from reader: KeyspaceReader) throws(ReadError) -> Answer {
        precondition(isReadOnly)
        while true {
            let current = reader.currentRevision
            do {
                return try read(from: reader, at: current)
            } catch .refused(.compacted) where current < reader.compactedRevision {
                // The state was compacted between two of the reads: the next try sees a newer one.
                continue
            } catch {
                throw error
            }
        }
    }

    private func read(from reader: KeyspaceReader, at current: Int64) throws(ReadError) -> Answer {
        let select: Selecting = { (range, revision, options) throws(MVCCError) in
            try reader.select(range, revision: revision > 0 ? revision : current, options: options)
        }
        var path: TransactionPath
        do { path = try TransactionPath(of: self, select) } catch { throw ReadError(error) }
        let operations = path.operations(of: self)
        for case .range(let query) in operations {
            let refusal = query.refusal(current: current, compacted: reader.compactedRevision)
            if let refusal { throw .refused(refusal) }
        }
        var response: [UInt8] = []
        response.appendField(2, path.take())
        var ranges = 0
        for case .range(let query) in operations {
            ranges += 1
            do {
                let answer = try RangeAnswer(query, select: select)
                defer { answer.release() }
                try response.appendOperation(answer, revision: current)
            } catch {
                throw ReadError(error)
            }
        }
        return Answer(revision: current, response: response, ranges: ranges)
    }
}

/// ResponseOps inside a TxnResponse (field 3): each holds one message with a header of its own, which has
/// nothing but the revision (api.md 2.4).
extension [UInt8] {
    mutating func appendOperation(_ answer: RangeAnswer, revision: Int64) throws(MVCCError) {
        var message: [UInt8] = []
        message.reserveCapacity(24 + (try answer.bodySize()))
        message.appendRevisionHeader(revision)
        try answer.append(to: &message)
        appendOperation(ResponseOp.Field.responseRange, message)
    }

    /// Field 3 of a TxnResponse: a ResponseOp whose field `number` is `message`.
    mutating func appendOperation(_ number: Int, _ message: [UInt8]) {
        appendBytesTag(TxnResponse.Field.responses)
        appendVarint(UInt64(1 + varintSize(UInt64(message.count)) + message.count))
        appendField(number, always: message)
    }

    mutating func appendRevisionHeader(_ revision: Int64) {
        appendResponseHeader(identity: [], revision: revision, raftTerm: 0)
    }
}
