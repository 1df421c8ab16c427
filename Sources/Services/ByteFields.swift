import EtcdAPI
import HTTP
import Raft
import Wire

/// Wire's verbs for bytes that are in an array of their own.
///
/// Spans of arrays are marked unsafe by the compiler here; each lives no longer than the call, and its
/// array lives as long as the argument.
extension [UInt8] {
    /// Left out when empty (proto3).
    mutating func appendField(_ number: Int, _ bytes: [UInt8]) {
        if !bytes.isEmpty { appendField(number, always: bytes) }
    }

    mutating func appendField(_ number: Int, always bytes: [UInt8]) {
        appendBytesTag(number)
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    /// A string field, left out when empty.
    mutating func appendField(_ number: Int, _ text: String) { appendField(number, Array(text.utf8)) }
}

extension LoopServices {
    func propose(
        _ kind: InternalRaftRequest.Kind, _ request: [UInt8], _ waiter: Waiter
    ) -> GRPCStatus? {
        unsafe propose(kind, request.span.bytes, waiter)
    }

    func proposeOrRefuse(
        _ call: GRPCCall, _ method: Method, _ kind: InternalRaftRequest.Kind, _ request: [UInt8],
        _ waiter: Waiter
    ) {
        if let refusal = propose(kind, request, waiter) { finish(call, method, refusal) }
    }
}
