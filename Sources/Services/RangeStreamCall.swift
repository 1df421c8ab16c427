import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

extension LoopServices {
    func rangeStream(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        guard let query = try? RangeQuery(decoding: bytes) else {
            return finish(call, .rangeStream, .malformedRequest)
        }
        do { try query.validate() } catch { return finish(call, .rangeStream, GRPCStatus(error)) }
        let isByKey = query.sortTarget == .key && query.sortOrder != .descend
        if !isByKey && query.sortOrder != RangeQuery.SortOrder.none {
            return finish(call, .rangeStream, .streamSortUnsupported)
        }
        if query.isFiltered { return finish(call, .rangeStream, .streamFiltersUnsupported) }
        if query.serializable {
            startStreaming(call, query)
        } else {
            reads.gather(.rangeStream(call, query))
        }
    }

    func startStreaming(_ call: GRPCCall, _ query: RangeQuery) {
        if context.auth.isEnabled, let refusal = refusalOfReading(call, query.key, query.rangeEnd) {
            return finish(call, .rangeStream, refusal)
        }
        counters.ranges += 1
        do {
            RangeStreamCall(self, call, try RangeAnswer.select(query, from: reader)).start()
        } catch {
            finish(call, .rangeStream, GRPCStatus(error))
        }
    }
}

/// KV.RangeStream (3.7): the answer of a Range in chunks, all of one pinned snapshot (api.md 12.2).
///
/// Chunks begin with 10 pairs and double while they stay below half of --max-request-bytes; one above
/// twice that halves the next. Header, `more` and `count` are in the last chunk only, so that all
/// chunks merged are what Range would have answered.
final class RangeStreamCall: GRPCHandler {
    private static let firstChunk = 10
    private static let queuedBytesMax = 256 * 1024

    private let services: LoopServices
    private let call: GRPCCall
    private let answer: RangeAnswer
    private var position = 0
    private var chunk = RangeStreamCall.firstChunk
    private var isOver = false

    init(_ services: LoopServices, _ call: GRPCCall, _ answer: RangeAnswer) {
        self.services = services
        self.call = call
        self.answer = answer
    }

    func start() {
        call.handler = self
        fill()
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {}
    func drained(_ call: GRPCCall) { fill() }

    func cancelled(_ call: GRPCCall) {
        isOver = true
        answer.release()
        services.cancelled(call, .rangeStream)
    }

    private func fill() {
        do throws(MVCCError) {
            while !isOver, call.queuedBytes < Self.queuedBytesMax { try sendChunk() }
        } catch {
            isOver = true
            answer.release()
            services.finish(call, .rangeStream, GRPCStatus(.failed(error)))
        }
    }

    private func sendChunk() throws(MVCCError) {
        let end = min(position + chunk, answer.length)
        let isLast = end == answer.length
        var response = isLast ? services.responses.begin(revision: answer.revision) : []
        while position < end {
            try answer.appendPair(at: position, to: &response)
            position += 1
        }
        if isLast { answer.appendTail(to: &response) }
        var message: [UInt8] = []
        message.reserveCapacity(response.count + 8)
        message.appendField(RangeStreamResponse.Field.rangeResponse, always: response)
        let limit = services.limits.requestBytesMax
        if response.count < limit / 2 {
            chunk *= 2
        } else if response.count > 2 * limit {
            chunk = max(1, chunk / 2)
        }
        services.send(call, .rangeStream, message)
        guard isLast else { return }
        isOver = true
        answer.release()
        services.finish(call, .rangeStream, .ok)
    }
}
