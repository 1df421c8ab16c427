/// From DATA frames to whole messages.
extension HTTP2Session {
    final func receivedData(_ stream: HTTP2Stream, _ chunk: UnsafeRawBufferPointer) {
        let before = stream.assembler.heldBytes
        unsafe cut(chunk, for: stream)
        if stream.isListed { partialBytes += stream.assembler.heldBytes - before }
        if stream.isOpen, partialBytes > limits.partialBytesMax {
            stream.abort(GRPCStatus(.resourceExhausted, "too many bytes in unfinished messages"))
        }
    }

    private func cut(_ chunk: UnsafeRawBufferPointer, for stream: HTTP2Stream) {
        let limit = limits.messageBytesMax
        var offset = 0
        while stream.isOpen {
            switch unsafe stream.assembler.next(chunk, from: &offset, messageBytesMax: limit) {
            case .needsMore: return
            case .whole(let range, let isCompressed):
                unsafe deliver(UnsafeRawBufferPointer(rebasing: chunk[range]), isCompressed, to: stream)
            case .gathered(let message, let isCompressed):
                unsafe message.withUnsafeBytes { unsafe deliver($0, isCompressed, to: stream) }
            case .refused(let status): return stream.abort(status)
            }
        }
    }

    private func deliver(_ bytes: UnsafeRawBufferPointer, _ isCompressed: Bool, to stream: HTTP2Stream) {
        guard isCompressed else {
            unsafe stream.received(RawSpan(_unsafeBytes: bytes))
            return
        }
        let limit = limits.messageBytesMax
        do throws(InflateError) {
            let plain = unsafe try inflated(gzip: bytes, limit: limit)
            unsafe stream.received(plain.span.bytes)
        } catch {
            stream.abort(Self.status(error, limit))
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
