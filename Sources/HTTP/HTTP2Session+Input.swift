import CNgHTTP2

/// From DATA frames to whole messages.
extension HTTP2Session {
    func receivedData(_ streamID: Int32, _ chunk: UnsafeRawBufferPointer) {
        guard let call = call(streamID) else { return }
        let before = call.assembler.heldBytes
        unsafe cut(chunk, for: call)
        if call.session != nil { partialBytes += call.assembler.heldBytes - before }
        if call.isOpen, partialBytes > configuration.limits.partialBytesMax {
            abort(call, GRPCStatus(.resourceExhausted, "too many bytes in unfinished messages"))
        }
    }

    private func cut(_ chunk: UnsafeRawBufferPointer, for call: GRPCCall) {
        let limit = configuration.limits.messageBytesMax
        var offset = 0
        while call.isOpen {
            switch unsafe call.assembler.next(chunk, from: &offset, messageBytesMax: limit) {
            case .needsMore: return
            case .whole(let range, let isCompressed):
                unsafe deliver(UnsafeRawBufferPointer(rebasing: chunk[range]), isCompressed, to: call)
            case .gathered(let message, let isCompressed):
                unsafe message.withUnsafeBytes { unsafe deliver($0, isCompressed, to: call) }
            case .refused(let status): return abort(call, status)
            }
        }
    }

    private func deliver(_ bytes: UnsafeRawBufferPointer, _ isCompressed: Bool, to call: GRPCCall) {
        guard isCompressed else {
            unsafe call.handler?.message(call, RawSpan(_unsafeBytes: bytes))
            return
        }
        let limit = configuration.limits.messageBytesMax
        do throws(InflateError) {
            let plain = unsafe try inflated(gzip: bytes, limit: limit)
            unsafe call.handler?.message(call, plain.span.bytes)
        } catch {
            abort(call, Self.status(error, limit))
        }
    }

    /// Texts of grpc-go's rpc_util.go (recvAndDecompress).
    private static func status(_ error: InflateError, _ limit: Int) -> GRPCStatus {
        switch error {
        case .tooLarge:
            GRPCStatus(
                .resourceExhausted, "grpc: received message after decompression larger than max \(limit)")
        case .malformed:
            GRPCStatus(.internal, "grpc: failed to decompress the received message: gzip: invalid header")
        }
    }
}
