import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// Reads of the key space: Range and read-only Txns, evaluated on this loop.
extension LoopServices {
    /// Answers up to this size are copied at once; larger ones are pulled by the client's window from
    /// the pinned snapshot, so that memory does not grow with them.
    static let copiedBytesMax = 64 * 1024
    /// What gRPC lets a server send in one message (errors.md 4).
    static let messageBytesMax = 2_147_483_647

    func range(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let query = try? RangeQuery(decoding: bytes) else {
            return finish(call, .range, .malformedRequest)
        }
        if !query.serializable, context.membership.isLocalLearner {
            return finish(call, .range, .notSupportedForLearner)
        }
        do { try query.validate() } catch { return finish(call, .range, GRPCStatus(error)) }
        if query.serializable { evaluate(call, query) } else { reads.gather(.range(call, query)) }
    }

    func evaluate(_ call: GRPCCall, _ query: RangeQuery) {
        let authRevision = context.auth.isEnabled ? context.auth.revision : nil
        if authRevision != nil, let refusal = refusalOfReading(call, query.key, query.rangeEnd) {
            return finish(call, .range, refusal)
        }
        counters.ranges += 1
        let answer: RangeAnswer
        do throws(ReadError) { answer = try RangeAnswer.select(query, from: reader) } catch {
            return finish(call, .range, GRPCStatus(error))
        }
        if let authRevision, isStale(authRevision) {
            answer.release()
            return finish(call, .range, GRPCStatus(.authOldRevision))
        }
        do throws(MVCCError) {
            try respond(call, answer)
        } catch {
            answer.release()
            finish(call, .range, GRPCStatus(.failed(error)))
        }
    }

    private func respond(_ call: GRPCCall, _ answer: RangeAnswer) throws(MVCCError) {
        let size = try answer.bodySize()
        let isCopied = size <= Self.copiedBytesMax
        var message = responses.begin(revision: answer.revision, reserving: isCopied ? size : 0)
        if isCopied {
            try answer.append(to: &message)
            answer.release()
            return respond(call, .range, message)
        }
        guard size <= Self.messageBytesMax else {
            answer.release()
            return finish(call, .range, .answerTooLarge(size))
        }
        let body = RangeMessage(try RangeBody(answer, header: message))
        counters.sent[Method.range.rawValue] += 1
        counters.sentBytes += UInt64(body.size)
        call.send(body)
        finish(call, .range, .ok)
    }

    func evaluate(_ call: GRPCCall, _ transaction: Transaction) {
        let authRevision = context.auth.isEnabled ? context.auth.revision : nil
        if authRevision != nil, let refusal = refusalOfReading(call, transaction) {
            return finish(call, .txn, refusal)
        }
        do {
            let answer = try transaction.read(from: reader)
            if let authRevision, isStale(authRevision) {
                return finish(call, .txn, GRPCStatus(.authOldRevision))
            }
            counters.ranges += UInt64(answer.ranges)
            if answer.ranges > 1 { counters.readTxns += 1 }
            respondTxn(call, revision: answer.revision, response: answer.response)
        } catch {
            finish(call, .txn, GRPCStatus(error))
        }
    }
}

/// A RangeResponse on its way out piece by piece; it holds the snapshot until the last byte is taken or
/// the call has ended.
private final class RangeMessage: MessageSource {
    private let body: RangeBody
    let size: Int

    init(_ body: RangeBody) {
        self.body = body
        size = body.size
    }

    /// 0, which resets the stream, when the database fails: the size is promised already.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int { (try? unsafe body.fill(buffer)) ?? 0 }

    func released() { body.release() }
}

extension GRPCStatus {
    /// The store could not be read: what the client asked for is gone or not there yet, or the database
    /// failed.
    init(_ error: ReadError) {
        switch error {
        case .refused(let refusal): self.init(refusal)
        case .failed(let failure): self.init(.unknown, "\(failure)")
        }
    }

    static func answerTooLarge(_ size: Int) -> GRPCStatus {
        GRPCStatus(
            .resourceExhausted,
            "grpc: trying to send message larger than max (\(size) vs. \(LoopServices.messageBytesMax))")
    }
}
