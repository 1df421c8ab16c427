import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// The KV calls that go through the log: Put, DeleteRange, Txn, Compact.
extension LoopServices {
    func put(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let command = try? PutCommand(decoding: bytes) else {
            return finish(call, .put, .malformedRequest)
        }
        guard fitsQuota(cost: command.quotaCost) else { return refuseForSpace(call, .put) }
        do { try command.validate() } catch { return finish(call, .put, GRPCStatus(error)) }
        proposeOrRefuse(call, .put, .put, bytes, .put(call), isBrief: true)
    }

    func respondPut(_ call: GRPCCall, revision: Int64, previous: [UInt8]?) {
        var message = responses.begin(revision: revision, reserving: previous?.count ?? 0)
        if let previous { message.appendField(PutResponse.Field.prevKv, always: previous) }
        respond(call, .put, message)
    }

    func deleteRange(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let command = try? DeleteRangeCommand(decoding: bytes) else {
            return finish(call, .deleteRange, .malformedRequest)
        }
        do { try command.validate() } catch { return finish(call, .deleteRange, GRPCStatus(error)) }
        proposeOrRefuse(call, .deleteRange, .deleteRange, bytes, .deleteRange(call))
    }

    func respondDeleteRange(_ call: GRPCCall, revision: Int64, deleted: Int64, previous: [[UInt8]]) {
        var message = responses.begin(
            revision: revision, reserving: previous.reduce(16) { $0 + $1.count + 11 })
        message.appendField(DeleteRangeResponse.Field.deleted, deleted)
        for pair in previous {
            message.appendField(DeleteRangeResponse.Field.prevKvs, always: pair)
        }
        respond(call, .deleteRange, message)
    }

    func txn(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let transaction = try? Transaction(decoding: bytes) else {
            return finish(call, .txn, .malformedRequest)
        }
        guard fitsQuota(cost: transaction.quotaCost) else { return refuseForSpace(call, .txn) }
        do {
            try transaction.validate(maxOperations: limits.txnOperationsMax, in: bytes)
        } catch {
            return finish(call, .txn, GRPCStatus(error))
        }
        if !transaction.isReadOnly {
            proposeOrRefuse(call, .txn, .txn, bytes, .txn(call), isBrief: transaction.isBrief)
        } else if transaction.isSerializable {
            evaluate(call, transaction)
        } else {
            reads.gather(.txn(call, transaction))
        }
    }

    func respondTxn(_ call: GRPCCall, revision: Int64, response: [UInt8]) {
        var message = responses.begin(revision: revision, reserving: response.count)
        message.append(contentsOf: response)
        respond(call, .txn, message)
    }

    func compact(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let request = CompactionShape(decoding: bytes) else {
            return finish(call, .compact, .malformedRequest)
        }
        proposeOrRefuse(
            call, .compact, .compaction, bytes, .compaction(call, physical: request.physical))
    }

    /// The logical compaction is in force; a physical one is answered when its deletions are on disk.
    func compactionApplied(_ call: GRPCCall, physical: Bool, revision: Int64, compacted: Int64) {
        if physical, !compactions.isFinished(compacted) {
            compactions.wait(call, revision: compacted)
        } else {
            respond(call, .compact, responses.begin(revision: revision))
        }
    }

    func respondCompacted(_ call: GRPCCall) {
        respond(call, .compact, responses.begin(revision: context.keyspace.currentRevision))
    }
}

/// The one field of a CompactionRequest that matters before it is applied.
private struct CompactionShape {
    var physical = false

    init?(decoding bytes: borrowing RawSpan) {
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: bytes) {
                if field.number == 2, case .varint(let value) = field.value { physical = value != 0 }
            }
        } catch { return nil }
    }
}

/// Compact calls with `physical` set, waiting for the key space to finish deleting.
struct PhysicalCompactions {
    /// Everything through this revision is deleted and synced. It may pass a revision before the reply
    /// that names it arrives, so it is remembered.
    private var finished: Int64 = -1
    private var waiting: [(call: GRPCCall, revision: Int64)] = []

    func isFinished(_ revision: Int64) -> Bool { revision <= finished }

    mutating func wait(_ call: GRPCCall, revision: Int64) { waiting.append((call, revision)) }

    /// The calls that a finished compaction answers.
    mutating func finish(through revision: Int64) -> [GRPCCall] {
        finished = max(finished, revision)
        let done = waiting.filter { $0.revision <= finished }.map(\.call)
        waiting.removeAll { $0.revision <= finished || !$0.call.isOpen }
        return done
    }

    mutating func removeAll() -> [GRPCCall] {
        defer { waiting.removeAll() }
        return waiting.map(\.call)
    }
}
