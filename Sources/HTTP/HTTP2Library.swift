import CNgHTTP2

/// nghttp2's option and callback tables, the limits, and the header fields every reply is made of: what
/// sessions have in common, held once. One per server and per client configuration.
@safe package final class HTTP2Library {
    let limits: HTTPLimits
    let callbacks: OpaquePointer
    let options: OpaquePointer
    /// `:status: 200`, `content-type: application/grpc`.
    let responseHeaders: [nghttp2_nv]
    /// `grpc-status: 0`.
    let okTrailers: [nghttp2_nv]

    /// For connections with these limits.
    package init(_ limits: HTTPLimits) {
        self.limits = limits
        unsafe callbacks = Self.makeCallbacks()
        unsafe options = Self.makeOptions(limits)
        unsafe responseHeaders = [
            Self.field(":status", "200"), Self.field("content-type", "application/grpc"),
        ]
        unsafe okTrailers = [Self.field("grpc-status", "0")]
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(options)
    }

    /// A field of literals, which nghttp2 need not copy.
    static func field(_ name: StaticString, _ value: StaticString) -> nghttp2_nv {
        let flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
        return unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: UnsafeMutablePointer(mutating: value.utf8Start),
            namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount, flags: UInt8(flags))
    }

    /// A field whose value nghttp2 copies.
    static func field(_ name: StaticString, _ value: UnsafeBufferPointer<UInt8>) -> nghttp2_nv {
        unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: UnsafeMutablePointer(mutating: value.baseAddress),
            namelen: name.utf8CodeUnitCount, valuelen: value.count,
            flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
    }

    private static func makeOptions(_ limits: HTTPLimits) -> OpaquePointer {
        var made: OpaquePointer?
        let result = unsafe nghttp2_option_new(&made)
        guard result == 0, let options = unsafe made else { preconditionFailure("no memory for options") }
        // Clients up to etcd's 3.5.0 send `:authority: #initially=[…]`, which nghttp2 would refuse.
        unsafe nghttp2_option_set_no_http_messaging(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_stream_reset_rate_limit(options, limits.resetsBurst, limits.resetsPerSecond)
        unsafe nghttp2_option_set_max_continuations(options, limits.continuationsMax)
        unsafe nghttp2_option_set_max_outbound_ack(options, limits.unsentAcknowledgementsMax)
        return unsafe options
    }

    private static func makeCallbacks() -> OpaquePointer {
        var made: OpaquePointer?
        let result = unsafe nghttp2_session_callbacks_new(&made)
        guard result == 0, let callbacks = unsafe made else { preconditionFailure("no memory for callbacks") }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, onFrameSent)
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, onSendData)
        return unsafe callbacks
    }
}
