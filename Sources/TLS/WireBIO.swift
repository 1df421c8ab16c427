import COpenSSL

// OpenSSL's way to the bytes on the wire: a BIO that reads what `TLSSession.received` was given and
// writes into the session's output, without a buffer of its own. Its data is the session, which frees it
// (with the SSL) in `deinit`.

/// The session of a BIO, or of the SSL that reads from it.
func session(_ bio: OpaquePointer?) -> TLSSession {
    guard let data = unsafe BIO_get_data(bio) else { preconditionFailure("a session is its BIO's data") }
    return unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
}

private func onRead(_ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
    let room = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: Int(count))
    let taken = unsafe session(bio).takeInput(into: room)
    unsafe openssl_bio_set_retry_read(bio, taken == 0 ? 1 : 0)
    return taken == 0 ? -1 : Int32(taken)
}

private func onWrite(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
    unsafe openssl_bio_set_retry_read(bio, 0)
    unsafe session(bio).addOutput(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    return count
}

private func onControl(_: OpaquePointer?, _ command: Int32, _: Int, _: UnsafeMutableRawPointer?) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}

/// The kind of such a BIO, the caller's to free once no BIO of it is left.
func makeWireMethod() -> OpaquePointer {
    guard let made = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session") else {
        preconditionFailure("no memory for a BIO method")
    }
    _ = unsafe BIO_meth_set_read(made, onRead)
    _ = unsafe BIO_meth_set_write(made, onWrite)
    _ = unsafe BIO_meth_set_ctrl(made, onControl)
    return unsafe made
}

/// A BIO of a session.
func makeWireBIO(_ method: OpaquePointer, _ session: TLSSession) -> OpaquePointer {
    guard let bio = unsafe BIO_new(method) else { preconditionFailure("no memory for a BIO") }
    unsafe BIO_set_data(bio, Unmanaged.passUnretained(session).toOpaque())
    unsafe BIO_set_init(bio, 1)
    return unsafe bio
}
