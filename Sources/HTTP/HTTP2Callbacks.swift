import CNgHTTP2

// nghttp2's callbacks: each finds its session behind the user pointer and hands on. The session holds
// nghttp2's object, so it is alive whenever nghttp2 calls.

/// Calls `body` with the session, without counting a reference: no calls are more frequent than these.
private func with<Result>(_ user: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Result) -> Result {
    guard let user = unsafe user else { preconditionFailure("a session is its own user pointer") }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(user)._withUnsafeGuaranteedRef(body)
}

/// Calls `body` with the session and the stream behind a data source (`HTTP2Session.provider`), which its
/// session holds as long as nghttp2 asks for it.
private func with<Result>(
    _ user: UnsafeMutableRawPointer?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
    _ body: (HTTP2Session, HTTP2Stream) -> Result
) -> Result {
    guard let pointer = unsafe source?.pointee.ptr else { preconditionFailure("a data source is its stream") }
    return unsafe with(user) { session in
        unsafe Unmanaged<HTTP2Stream>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body(session, $0) }
    }
}

func onBeginHeaders(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    unsafe with(user) { unsafe $0.beganHeaders(frame) }
    return 0
}

func onHeader(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?,
    _ nameCount: Int,
    _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _: UInt8, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    return unsafe with(user) {
        unsafe $0.receivedHeader(
            frame, UnsafeRawBufferPointer(start: name, count: nameCount),
            UnsafeRawBufferPointer(start: value, count: valueCount))
    }
}

func onFrame(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    unsafe with(user) { unsafe $0.receivedFrame(frame) }
    return 0
}

func onData(
    _: OpaquePointer?, _: UInt8, _ streamID: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ user: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe with(user) { unsafe $0.receivedData(streamID, UnsafeRawBufferPointer(start: bytes, count: count)) }
    return 0
}

func onStreamClose(
    _: OpaquePointer?, _ streamID: Int32, _ code: UInt32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe with(user) { $0.streamClosed(streamID, code) }
    return 0
}

func onFrameSent(
    _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    unsafe with(user) { unsafe $0.sentFrame(frame) }
    return 0
}

func onSendData(
    _: OpaquePointer?, _: UnsafeMutablePointer<nghttp2_frame>?, _ head: UnsafePointer<UInt8>?, _ count: Int,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let head = unsafe head else { return 0 }
    return unsafe with(user, source) { session, stream in
        unsafe session.writeData(stream, head: UnsafeRawBufferPointer(start: head, count: 9), count: count)
    }
}

func onReadOutbound(
    _: OpaquePointer?, _: Int32, _: UnsafeMutablePointer<UInt8>?, _ room: Int,
    _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
    _ user: UnsafeMutableRawPointer?
) -> Int {
    guard let flags = unsafe flags else { return 0 }
    return unsafe with(user, source) { session, stream in
        unsafe session.offerData(stream, room: room, &flags.pointee)
    }
}
