import CNgHTTP2

/// What calls ask for.
extension HTTP2ServerSession {
    func submitResponse(_ call: GRPCCall) {
        var provider = unsafe provider(call)
        must(
            unsafe nghttp2_submit_response(
                session, call.streamID, library.responseHeaders, library.responseHeaders.count, &provider))
        requestFlush()
    }

    /// The status follows what is queued, as trailers.
    func submitStatus(_ call: GRPCCall, _ status: GRPCStatus) {
        call.status = status
        call.isOutputWhole = true
        resume(call)
    }

    func submitTrailersOnly(_ call: GRPCCall, _ status: GRPCStatus) {
        submitRefusal(call.streamID, 200, status)
    }

    func submitTrailers(_ streamID: Int32, _ status: GRPCStatus) {
        if status == .ok {
            must(
                unsafe nghttp2_submit_trailer(session, streamID, library.okTrailers, library.okTrailers.count)
            )
            return
        }
        unsafe withFields(status) { fields in
            must(unsafe nghttp2_submit_trailer(session, streamID, fields.baseAddress, fields.count))
        }
    }

    /// A response without a message: everything in one HEADERS frame that ends the stream.
    func submitRefusal(_ streamID: Int32, _ httpStatus: Int, _ status: GRPCStatus) {
        let number = Array(String(httpStatus).utf8)
        unsafe number.withUnsafeBufferPointer { number in
            unsafe withFields(status) { fields in
                var all = unsafe [
                    HTTP2Library.field(":status", number), library.responseHeaders[1],
                ]
                unsafe all.append(contentsOf: fields)
                must(unsafe nghttp2_submit_response(session, streamID, all, all.count, nil))
            }
        }
        requestFlush()
    }

    private func withFields(_ status: GRPCStatus, _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
        let code = Array(String(status.code.rawValue).utf8)
        let message = status.encodedMessage
        unsafe code.withUnsafeBufferPointer { code in
            unsafe message.withUnsafeBufferPointer { message in
                var fields = unsafe [HTTP2Library.field("grpc-status", code)]
                if !message.isEmpty { unsafe fields.append(HTTP2Library.field("grpc-message", message)) }
                unsafe fields.withUnsafeBufferPointer { unsafe body($0) }
            }
        }
    }
}
